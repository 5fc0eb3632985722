using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Dispatch.Channels.Journal;
using Dispatch.Channels.Lanes;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Flow;

/// <summary>
/// Reads one partition into the pool for as long as it is ours, and leaves it in order.
/// Promise: a record that the journal has an outcome of is not sent again; one that was in flight when this process ended is handled by the policy of its message;
/// what is not settled when the partition goes is marked as kept.
/// </summary>
/// <param name="desk">Settles what is kept; null: nobody else ever reads for this group, so what is kept was kept here, and is read again.</param>
sealed class Intake(Works works, IReadOnlyList<string> topics, Memory memories, KeptDesk? desk)
{
    private const int OnwardMax = 1_000;
    private const int IdBytes = 16;
    private static readonly string TooLarge = $"message_too_large: its record has more than {Onward.IncomingBytesMax} bytes";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LookAtModes = TimeSpan.FromMilliseconds(250);

    [SuppressMessage("Reliability", "CA2025", Justification = "the commits end before their feed is disposed")]
    public async Task RunAsync(IPartition partition, CancellationToken stop)
    {
        var topic = topics.ToList().IndexOf(partition.Id.Topic);
        var memory = memories.Of(partition);
        var start = Start(partition, memory);
        using var feed = new Feed(partition, topic, ClassOf(partition.Id.Topic), start, works.Journal, works.Options, works.Time, works.Log);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var committing = new CancellationTokenSource();
        var commits = CommitAsync(feed, reading, committing.Token);
        try
        {
            await ReadAsync(feed, start, memory, reading.Token);
        }
        catch (OperationCanceledException) when (reading.IsCancellationRequested)
        {
        }
        finally
        {
            await LeaveAsync(feed, commits, committing);
        }
    }

    /// <summary>
    /// What was kept is done here: the journal that keeps it settles it. Where there is but one journal it is no longer kept: it is read and settled here, also what the journal does
    /// not know of. Its intent may have been in a folder or a block that is lost, so it counts as one whose attempt has no end.
    /// </summary>
    private Position Start(IPartition partition, Dictionary<long, Remembered> memory)
    {
        var (next, above) = partition.Start;
        var kept = above.Where(mark => mark.Kind == MarkKind.Kept).ToList();
        Position ours;
        if (desk is null)
        {
            kept.ForEach(mark => memory.TryAdd(mark.Offset, Remembered.Lost));
            ours = new Position(next, [.. above.Where(mark => mark.Kind == MarkKind.Done)]);
        }
        else
        {
            ours = new Position(next, [.. above.Select(mark => mark with { Kind = MarkKind.Done })]);
            if (kept.Count > 0)
            {
                works.Log.KeptByAnother(kept.Count, partition.Id.Topic, partition.Id.Partition);
            }
        }

        if (memory.Values.Count(it => it.InDoubt) is var inDoubt and > 0)
        {
            works.Log.InDoubt(inDoubt, partition.Id.Topic, partition.Id.Partition);
        }

        return ours;
    }

    private async Task ReadAsync(Feed feed, Position start, Dictionary<long, Remembered> memory, CancellationToken stop)
    {
        await foreach (var batch in feed.Partition.ReadAsync(start, stop))
        {
            while (feed.Onward > OnwardMax || !feed.Progress.TryAdmit(batch)) // admits once: nothing may stand behind it
            {
                await Task.Delay(Look, works.Time, stop);
            }

            foreach (var entry in batch.Entries)
            {
                while (works.Modes.OfClass(feed.Class) != Modes.Order.Run)
                {
                    await Task.Delay(LookAtModes, works.Time, stop);
                }

                await WaitUntilDueAsync(entry, stop);
                await TakeInAsync(feed, entry, memory, stop);
            }
        }
    }

    private async Task WaitUntilDueAsync(Entry entry, CancellationToken stop)
    {
        if (HeaderOf(entry, RecordHeaders.NotBefore) is { Length: sizeof(long) } header)
        {
            var wait = DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(header.Span)) - works.Books.Now;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, works.Time, stop);
            }
        }
    }

    private async Task TakeInAsync(Feed feed, Entry entry, Dictionary<long, Remembered> memory, CancellationToken stop)
    {
        if (Parse(feed, entry, out var fault) is not { } message)
        {
            works.Log.PoisonRecord(feed.Partition.Id.Topic, feed.Partition.Id.Partition, entry.Offset, fault);
            Telemetry.Parked(works.Books.Service);
            feed.HandOver(entry.Offset, Onward.ToQuarantine(feed, entry, fault, works.Books.Now, works.Books.Service));
            return;
        }

        var known = memory.Count > 0 ? memory.GetValueOrDefault(entry.Offset) : null;
        if (known is not null)
        {
            (message.Attempts, message.MayHaveLeft) = (Math.Max(message.Attempts, known.Attempts), message.MayHaveLeft || known.MayHaveLeft || known.InDoubt);
        }

        var item = new WorkItem(feed, entry.Offset, message, HeaderOf(entry, RecordHeaders.TraceParent), entry.Value.Length);
        if (known is null ? IsForgotten(feed, item) : IsSettledBy(item, known))
        {
            return;
        }

        if (entry.Value.Length > Onward.IncomingBytesMax)
        {
            works.Log.PoisonRecord(feed.Partition.Id.Topic, feed.Partition.Id.Partition, entry.Offset, TooLarge);
            Telemetry.Parked(works.Books.Service);
            works.Books.Quarantine(item, TooLarge);
        }
        else if (works.Modes.IsTenantStopped(feed.Class, message.Tenant))
        {
            works.Books.Hold(item, HoldReasons.Paused);
        }
        else if (known is { Ending: Ending.Again, InDoubt: false } && DateTimeOffset.FromUnixTimeMilliseconds(known.NotBefore) is var due && due > works.Books.Now)
        {
            PutLater(item, due);
        }
        else if (!await works.Pool.PutAsync(item, stop))
        {
            works.StepAside(item);
        }
    }

    /// <summary>The journal knows nothing of it. Where the journal itself may have forgotten, the message may have left.</summary>
    private bool IsForgotten(Feed feed, WorkItem item)
    {
        var newHere = works.Journal.Owner.Starts == 1 && feed.Partition.Start != Position.Zero;
        if ((newHere || works.Journal.MachineRestarted) && item.Origin.Offset < feed.Partition.Start.Next + Position.AboveMax)
        {
            item.Message.MayHaveLeft = true; // its intent was not synced, or stands in another journal
            if (newHere && item.HoldsInDoubt)
            {
                works.Books.Doubt(item, "the journal of its last owner is not here");
                return true;
            }
        }

        return false;
    }

    private bool IsSettledBy(WorkItem item, Remembered known)
    {
        switch (known)
        {
            case { InDoubt: true } when item.HoldsInDoubt:
                works.Books.Doubt(item, "the dispatcher ended during the attempt");
                return true;
            case { InDoubt: true }:
                return false;
            case { Ending: Ending.Done }:
                item.Feed.Settle(item.Origin.Offset);
                return true;
            case { Ending: Ending.Quarantine }:
                item.Feed.HandOver(item.Origin.Offset, Onward.ToQuarantine(item, known.Reason, works.Books.Now, works.Books.Service));
                return true;
            case { Ending: Ending.Hold }:
                item.Feed.HandOver(item.Origin.Offset, Onward.ToHeld(item, known.Reason));
                return true;
            default:
                return false;
        }
    }

    private void PutLater(WorkItem item, DateTimeOffset due)
    {
        var wait = due - works.Books.Now;
        if (wait <= Retries.LocalMax)
        {
            works.Pool.Return(item, wait);
        }
        else if (wait <= Topics.RetryDelays[^1])
        {
            works.Books.StepAside(item, wait);
        }
        else
        {
            Bookkeeper.Reroute(item, due);
        }
    }

    private async Task CommitAsync(Feed feed, CancellationTokenSource reading, CancellationToken stop)
    {
        try
        {
            await feed.CommitAsync(stop);
        }
        catch (LeaseLostException)
        {
            works.Log.LeaseLost(feed.Partition.Id.Topic, feed.Partition.Id.Partition);
            feed.Close();
            await reading.CancelAsync();
        }
    }

    /// <summary>In order: what nobody took is dropped (the position still has it), what is in flight ends, the journal is synced, the position written.</summary>
    private async Task LeaveAsync(Feed feed, Task commits, CancellationTokenSource committing)
    {
        works.Pool.Remove(item => item.Feed == feed);
        var until = works.Time.GetTimestamp();
        while (feed.Progress.InFlight > 0 && !feed.IsClosed && works.Time.GetElapsedTime(until) < works.Options.StopPatience)
        {
            await Task.Delay(Look, works.Time);
            works.Pool.Remove(item => item.Feed == feed); // what a lane gave back meanwhile
        }

        await committing.CancelAsync();
        await commits;
        if (feed.IsClosed)
        {
            return; // somebody else has it
        }

        try
        {
            if (feed.Progress.InFlight > 0)
            {
                works.Log.LeftInFlight(feed.Progress.InFlight, feed.Partition.Id.Topic, feed.Partition.Id.Partition);
            }

            using var patience = new CancellationTokenSource(works.Options.StopPatience, works.Time);
            await works.Journal.SyncAsync().WaitAsync(patience.Token);
            await feed.LeaveAsync(desk, patience.Token);
        }
        catch (Exception e) when (e is AppendException or LeaseLostException or OperationCanceledException)
        {
            works.Log.CommitFailed(e, feed.Partition.Id.Topic, feed.Partition.Id.Partition, TimeSpan.Zero); // the journal knows what was done
        }
    }

    private Message? Parse(Feed feed, Entry entry, out string fault)
    {
        try
        {
            var message = Message.Parser.ParseFrom(entry.Value.Span);
            fault = message switch
            {
                _ when message.Class != feed.Class || message.Channel != works.Channel => "it is of another class or channel than its topic",
                _ when message.MessageId.Length != IdBytes || message.RequestId.Length != IdBytes => "an id does not have 16 bytes",
                _ when message.RecipientKey.Length is 0 or > byte.MaxValue || message.Address is null => "it has no recipient",
                _ => "",
            };
            return fault.Length == 0 ? message : null;
        }
        catch (InvalidProtocolBufferException e)
        {
            fault = e.Message;
            return null;
        }
    }

    private static ReadOnlyMemory<byte> HeaderOf(Entry entry, string name)
    {
        for (var i = 0; i < entry.Headers.Count; i++)
        {
            if (entry.Headers[i].Name == name)
            {
                return entry.Headers[i].Value;
            }
        }

        return default;
    }

    private static TrafficClass ClassOf(string topic) => Topics.Classes.First(of => topic.Split('.').Contains(Topics.Name(of)));
}
