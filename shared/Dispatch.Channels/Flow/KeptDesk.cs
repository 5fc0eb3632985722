using System.Threading.Channels;
using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Clusters;
using Dispatch.Policy;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Flow;

/// <summary>
/// Settles messages whose partition went to another owner while they were in flight. Their record is not read again by anybody: the journal has the message, and what goes on of it is
/// appended from here, until it is there. After a crash the next start does it again, or whoever adopts the journal; Router lets one of two go on.
/// </summary>
sealed class KeptDesk(JournalFile journal, IEventLog log, string service, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly Channel<(TopicPartition Partition, long Offset, Record Record)> _going = System.Threading.Channels.Channel.CreateUnbounded<(TopicPartition, long, Record)>();

    /// <summary>What earlier starts left.</summary>
    public void Recall()
    {
        foreach (var kept in journal.Kept)
        {
            _going.Writer.TryWrite((kept.Partition, kept.Offset, RecordOf(kept)));
        }

        if (journal.Kept.Count > 0)
        {
            logger.KeptRecalled(journal.Kept.Count, journal.Owner.Name);
        }
    }

    /// <summary>The outcome of a kept message is durable in the journal. Returns at once.</summary>
    public void Settle(WorkItem item)
    {
        var (partition, offset) = (item.Feed.Partition.Id, item.Origin.Offset);
        if (item.Onward is not { } record)
        {
            journal.Settled(partition, offset);
            return;
        }

        var goesThroughRouter = record.Topic != Topics.Quarantine && record.Topic != Topics.Held(item.Message.Class);
        _going.Writer.TryWrite((partition, offset, goesThroughRouter ? Onward.ToReroute(item.Message, item.TraceParent, item.Message.NotBefore) : record));
    }

    /// <summary>The attempt is over, and the message is to be tried again.</summary>
    public void Retry(WorkItem item, DateTimeOffset notBefore) => _going.Writer.TryWrite(
        (item.Feed.Partition.Id, item.Origin.Offset, Onward.ToReroute(item.Message, item.TraceParent, notBefore.ToUnixTimeMilliseconds())));

    /// <summary>The log did not hear that it was kept: whoever has the partition reads it, and knows that it may have left.</summary>
    public void Disown(TopicPartition partition, IEnumerable<WorkItem> items)
    {
        foreach (var item in items)
        {
            item.Desk = null; // what comes of it goes nowhere from here: two owners would drive it on
            journal.Settled(partition, item.Origin.Offset);
        }
    }

    /// <param name="lastRound">From here on it ends as soon as nothing is left.</param>
    /// <param name="stop">Ends it; what is left is in the journal.</param>
    public async Task RunAsync(CancellationToken lastRound, CancellationToken stop)
    {
        using var ended = lastRound.Register(() => _going.Writer.TryComplete());
        try
        {
            await foreach (var (partition, offset, record) in _going.Reader.ReadAllAsync(stop))
            {
                while (!await TryAppendAsync(record with { Cluster = ClusterNumber.Of(partition.Partition) }, stop))
                {
                    await Task.Delay(Rest, time, stop);
                }

                journal.Settled(partition, offset);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            logger.KeptLeft(journal.Unsettled, journal.Owner.Name);
        }
    }

    private async Task<bool> TryAppendAsync(Record record, CancellationToken stop)
    {
        try
        {
            await log.AppendAsync([record], CancellationToken.None).AsTask().WaitAsync(stop);
            return true;
        }
        catch (LogUnavailableException e)
        {
            logger.KeptWaits(e.Message, journal.Owner.Name);
            return false;
        }
    }

    private Record RecordOf(Kept kept)
    {
        var (message, now) = (kept.Message, time.GetUtcNow());
        (message.Attempts, message.MayHaveLeft) = (Math.Max(message.Attempts, kept.State.Attempts), message.MayHaveLeft || kept.State.MayHaveLeft || kept.State.InDoubt);
        switch (kept.State)
        {
            case { InDoubt: true } when message.InDoubt is InDoubt.Hold or InDoubt.Lookup:
                Note(kept, Outcomes.Of(message, OutcomeKind.Doubted, State.InDoubt, now, HoldReasons.InDoubt));
                return Onward.ToHeld(message, kept.TraceParent, HoldReasons.InDoubt);
            case { InDoubt: false, Ending: Ending.Hold }:
                return Onward.ToHeld(message, kept.TraceParent, kept.State.Reason);
            case { InDoubt: false, Ending: Ending.Quarantine }:
                return Onward.ToQuarantine(kept.Partition, kept.Offset, message, kept.State.Reason, now, service);
            default:
                return Onward.ToReroute(message, kept.TraceParent, kept.State.InDoubt ? 0 : kept.State.NotBefore);
        }
    }

    /// <summary>A fact for the ledger; the shipper takes it from here.</summary>
    private void Note(Kept kept, Outcome outcome) => journal.Append(
        JournaledOutcome.Of(journal.OriginOf(kept.Partition, kept.Offset), kept.Message, outcome, Ending.Hold, notBefore: 0, kept.TraceParent), null);
}
