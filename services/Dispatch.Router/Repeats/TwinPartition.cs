using Dispatch.Log;
using Microsoft.Extensions.Logging;

namespace Dispatch.Router.Repeats;

/// <summary>
/// The partition of another cluster where the same keys go: what was appended there before weights moved may be appended here again, marked. Looked at only for marked records.
/// Of two in different clusters one goes on, and both sides come to the same verdict: the unmarked one; of two marked the earlier, by the brokers' clocks.
/// A cluster that cannot be read is not waited for: its outage is why records come here, and the price is a repeat where both took one (docs/adr/0015-several-clusters.md).
/// </summary>
sealed class TwinPartition(IEventLog log, TopicPartition partition, int recordsMax, ILogger logger)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<UInt128, Twin> _heads = [];
    private readonly Queue<UInt128> _order = new();
    private DateTimeOffset _since = DateTimeOffset.MaxValue; // nothing that was appended from here on is missing
    private DateTimeOffset _reached;
    private long _next;
    private Task? _reading;
    private bool _isAway;

    public TopicPartition Id => partition;

    /// <summary>Reads on to the end as it is now.</summary>
    /// <returns>False: it cannot be read just now, and nothing is known of it.</returns>
    public async Task<bool> CatchUpAsync(DateTimeOffset since, CancellationToken stop)
    {
        if (_reading is { IsCompleted: false })
        {
            return false; // an earlier batch has waited for it long enough
        }

        if (_isAway && !_reading!.IsCompletedSuccessfully)
        {
            _reading = ReadAsync(since, stop); // beside the batches, until it answers again: none of them waits for it twice
            return false;
        }

        _reading = ReadAsync(since, stop);
        await Task.WhenAny(_reading, Task.Delay(Patience, stop));
        stop.ThrowIfCancellationRequested();
        var isAway = !_reading.IsCompletedSuccessfully;
        if (isAway != _isAway)
        {
            _isAway = isAway;
            logger.TwinsUnseen(partition.Topic, partition.Partition, isAway ? $"cannot be read, marked records go on unchecked against it: {_reading.Exception?.InnerException?.Message ?? "it does not answer"}" : "is read again");
        }

        return !isAway;
    }

    /// <returns>null: the record has none there that counts.</returns>
    public Twin? Find(in RequestHead marked, DateTimeOffset appendedAt, TopicPartition own) =>
        _heads.TryGetValue(marked.Key, out var twin) && twin.AppendedAt >= DateTimeOffset.FromUnixTimeMilliseconds(marked.RepeatSince)
        && (!twin.IsMarked || (twin.AppendedAt, partition.Partition).CompareTo((appendedAt, own.Partition)) < 0) ? twin : null;

    private async Task ReadAsync(DateTimeOffset since, CancellationToken stop)
    {
        if (since < _since)
        {
            _heads.Clear();
            _order.Clear();
            (_since, _reached, _next) = (since, since, 0);
        }

        var end = await log.EndAsync(partition, stop);
        if (end <= _next)
        {
            return;
        }

        await foreach (var entry in log.ScanAsync(partition, _reached, stop))
        {
            if (entry.Offset >= _next && RequestHead.TryRead(entry.Value.Span, out var head))
            {
                Add(head.Key, new Twin(head.Messages, entry.AppendedAt, head.IsMarked));
            }

            (_next, _reached) = (Math.Max(_next, entry.Offset + 1), entry.AppendedAt);
        }

        _next = Math.Max(_next, end);
    }

    private void Add(UInt128 key, in Twin twin)
    {
        if (!_heads.TryGetValue(key, out var known) || (known.IsMarked && !twin.IsMarked))
        {
            _heads[key] = twin;
            _order.Enqueue(key);
        }

        if (_order.Count > recordsMax && _heads.Remove(_order.Dequeue(), out var oldest) && oldest.AppendedAt >= _since)
        {
            _since = oldest.AppendedAt.AddTicks(1);
        }
    }
}
