using System.Diagnostics;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Router.Capping;
using Dispatch.Router.Repeats;
using Dispatch.Router.Suppressions;
using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>
/// Reads requests, and what comes back through `reroute`, and writes messages to their channels.
/// Promise: the messages of a batch, what is written down about them, and the position behind it become visible together or not at all, also when this process is
/// frozen and replaced. Whoever does it again finds the same messages, the same places under the caps, and no second copy
/// (docs/architecture.md, "Where a duplicate is stopped").
/// </summary>
sealed class RouterHop(
    IPartition partition, IEventLog log, ModeBook modes, Copies copies, SuppressionCopy suppressions, CapCheckpoint caps, IOptions<RouterOptions> options, TimeProvider clock,
    ILogger<RouterHop> logger)
    : IHop
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private readonly RepeatFilter _repeats = new(log, partition.Id, options.Value.RepeatWindow, clock, logger);
    private readonly ParkingFilter _parkings = new(log, partition.Id);

    public async Task<int> HandleAsync(Slice slice, CancellationToken stop)
    {
        await copies.WhenKnownAsync(stop);
        var records = Read(slice);
        while (true)
        {
            await WhileClassIsPausedAsync(records[0], stop);

            var (began, now) = (Stopwatch.GetTimestamp(), clock.GetUtcNow());
            var passages = await UnrepeatedAsync(records, stop);
            suppressions.Read(suppressed => Gate.Check(passages, modes.Current, suppressed, now));
            if (await caps.ReserveAsync(passages, now, stop))
            {
                await partition.CommitAsync(Routes.Of(passages, now), new Position(slice.End(records.Count)), stop);
                Passed(records, passages, began);
                return records.Count;
            }

            await Task.Delay(Look, clock, stop); // the class waits for its ledger, or for a person; then everything is decided anew
        }
    }

    public IEnumerable<Message> MessagesOf(Entry entry)
    {
        try
        {
            var passages = new List<Passage>();
            FanOut.Expand(Incoming.ReadUnchecked(partition.Id.Topic, entry), passages);
            return passages.Select(passage => passage.Message).Where(message => message.MessageId.Length == Id.Size);
        }
        catch (InvalidProtocolBufferException)
        {
            return [];
        }
    }

    /// <summary>As many records as make one commit.</summary>
    private List<Incoming> Read(Slice slice)
    {
        var records = new List<Incoming>();
        var (messages, bytes) = (0, 0L);
        foreach (var entry in slice.Entries)
        {
            var record = Incoming.Read(partition.Id.Topic, entry);
            messages += record.Messages;
            bytes += record.Bytes;
            if (records.Count > 0 && (messages > options.Value.MessagesAtOnceMax || bytes > options.Value.BytesAtOnceMax))
            {
                break;
            }

            records.Add(record);
        }

        return records;
    }

    private async Task WhileClassIsPausedAsync(Incoming record, CancellationToken stop)
    {
        while (Gate.ClassIsPaused(modes.Current, record.Request?.Class ?? record.Message!.Class, clock.GetUtcNow()))
        {
            await Task.Delay(Look, clock, stop);
        }
    }

    private async Task<List<Passage>> UnrepeatedAsync(List<Incoming> records, CancellationToken stop) =>
        records[0].Request is null ? await _parkings.FilterAsync(records, stop) : await _repeats.FilterAsync(records, stop);

    private void Passed(List<Incoming> records, List<Passage> passages, long began)
    {
        if (records[0].Request is null)
        {
            _parkings.Passed(records);
        }
        else
        {
            _repeats.Passed(records);
        }

        RouterMeter.Count(partition.Id.Topic, records, passages, Stopwatch.GetElapsedTime(began));
    }
}
