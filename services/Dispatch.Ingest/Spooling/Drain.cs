using Dispatch.Contracts;
using Dispatch.Ingest.Idempotency;
using Dispatch.Log;

namespace Dispatch.Ingest.Spooling;

/// <summary>
/// Empties the spool into Kafka, each partition in its order, and tries for as long as it takes.
/// Promise: a record leaves the spool only when it is in Kafka. One that may be there already (its original was on its way, this process was killed behind the append) carries
/// `repeat_since`, so that Router drops the second; facts and events count once by themselves.
/// </summary>
sealed class Drain(IEventLog log, Spool spool, HedgedAppends appends, Outage outage, Originals originals, Func<ControlSnapshot> modes, TimeProvider clock, ILogger<Drain> logger)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);

    private readonly Turns _turns = new(spool.Waiting, clock);
    private readonly DrainPace _pace = new();

    /// <summary>Until it is stopped.</summary>
    public Task RunAsync(CancellationToken stop) => spool.Log.RunAsync(Spool.Group, DrainAsync, stop);

    private async Task DrainAsync(IPartition partition, CancellationToken stop)
    {
        try
        {
            await foreach (var batch in partition.ReadAsync(partition.Start, stop))
            {
                await DrainAsync(partition, batch, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // What was not committed is drained again after the next start.
        }
    }

    private async Task DrainAsync(IPartition partition, Batch batch, CancellationToken stop)
    {
        spool.Taken(partition.Id, batch);
        var copies = new List<Record>(batch.Entries.Count);
        foreach (var entry in batch.Entries)
        {
            if (!await originals.HasArrivedAsync(entry, stop))
            {
                copies.Add(CopyOf(partition.Id.Topic, entry));
            }
        }

        if (copies.Count > 0)
        {
            await TurnAsync(partition.Id.Topic, stop);
            await _pace.EnterAsync(copies.Count, stop);
            try
            {
                await AppendAsync(copies, stop);
            }
            finally
            {
                _pace.Leave(copies.Count, outage.CallersWait);
            }
        }

        await CommitAsync(partition, batch, stop);
        _turns.Moved(partition.Id.Topic);
        spool.Drained(partition.Id, batch);
        foreach (var entry in batch.Entries)
        {
            originals.Forget(entry.Headers);
        }

        SpoolTelemetry.Drained.Add(batch.Entries.Count);
    }

    /// <summary>Not before the more urgent, and not while a person has switched this class to the spool.</summary>
    private async Task TurnAsync(string topic, CancellationToken stop)
    {
        while (!_turns.Has(topic) || Switch.Of(modes(), topic, clock.GetUtcNow()) == Switch.Spool)
        {
            await Task.Delay(Look, clock, stop);
        }
    }

    private async Task AppendAsync(IReadOnlyList<Record> copies, CancellationToken stop)
    {
        IReadOnlyList<Record> left = copies;
        while (true)
        {
            try
            {
                var tries = Partitioned.Of(log, left).Select(part => (part.Records, Failure: appends.TryAsync(part.Partition, part.Records, isDrain: true))).ToList();
                await Task.WhenAll(tries.Select(it => it.Failure)).WaitAsync(stop);
                left = [.. tries.Where(it => it.Failure.Result is not null).SelectMany(it => it.Records).Select(record => record with { Cluster = null })]; // they may be diverted meanwhile
            }
            catch (LogUnavailableException)
            {
                outage.Unreachable();
            }

            if (left.Count == 0)
            {
                return;
            }

            await Task.Delay(Rest, clock, stop);
        }
    }

    private async Task CommitAsync(IPartition partition, Batch batch, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await partition.CommitAsync([], new Position(batch.End), CancellationToken.None);
                return;
            }
            catch (AppendException e)
            {
                logger.SpoolPositionLost(e.Message);
                await Task.Delay(Rest, clock, stop);
            }
        }
    }

    private static Record CopyOf(string topic, Entry entry)
    {
        var headers = Originals.Without(entry.Headers);
        if (topic is Topics.Outcomes or Topics.Events)
        {
            return new Record(topic, entry.Key, entry.Value) { Headers = headers };
        }

        var request = Request.Parser.ParseFrom(entry.Value.Span);
        var since = request.AcceptedAt - (long)Door.ClockSkew.TotalMilliseconds;
        request.RepeatSince = request.RepeatSince == 0 ? since : Math.Min(since, request.RepeatSince);
        return new Record(topic, entry.Key, Google.Protobuf.MessageExtensions.ToByteArray(request)) { Headers = headers };
    }
}
