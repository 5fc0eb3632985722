using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;

namespace Dispatch.Router.Repeats;

/// <summary>
/// Drops requests that are in the log twice: an Ingest that could not know whether a record was there appended it again, marked with `repeat_since`.
/// Promise: of equal records one goes on, whichever of them are marked, and however often this process starts in between
/// (docs/architecture.md, "Where a duplicate is stopped"). Costs nothing while no record is marked. One for each partition; equal records have equal keys,
/// so they are in the same partition.
/// </summary>
/// <remarks>
/// A marked record is looked up among all that stand before it since its mark: in memory where memory reaches back so far, else by reading the partition.
/// An unmarked one is compared with the marked ones that went on in the last <paramref name="window"/>, because an Ingest may have been frozen in its append.
/// </remarks>
sealed class RepeatFilter(IEventLog log, TopicPartition partition, TimeSpan window, TimeProvider clock)
{
    private const int EarlierMax = 500_000;
    private readonly Dictionary<UInt128, Twin> _marked = [];
    private Earlier? _earlier;
    private DateTimeOffset _lastMark;
    private bool _markedAreKnown;

    /// <summary>Everything that stood in the partition from <paramref name="Since"/> on, up to where this filter is.</summary>
    private sealed record Earlier(DateTimeOffset Since, Dictionary<UInt128, Twin> Records);

    /// <summary>A record that stood there before.</summary>
    private readonly record struct Twin(ulong Messages, DateTimeOffset AppendedAt, bool IsMarked);

    /// <returns>What goes on: everything but repeats; what a repeat promised that its twin did not is answered as a duplicate. Repeating is safe.</returns>
    public async Task<List<Passage>> FilterAsync(IReadOnlyList<Incoming> records, CancellationToken stop)
    {
        var passages = new List<Passage>(records.Count);
        var heads = await PrepareAsync(records, stop);
        var here = new Dictionary<UInt128, Twin>();
        for (var i = 0; i < records.Count; i++)
        {
            if (heads[i] is not { } head)
            {
                FanOut.Expand(records[i], passages); // nothing here is marked, nor was anything lately
                continue;
            }

            if (TwinOf(head, here) is not { } twin)
            {
                here[head.Key] = new Twin(head.Messages, records[i].Entry.AppendedAt, head.IsMarked);
                FanOut.Expand(records[i], passages);
                continue;
            }

            RouterMeter.Repeats.Add(1);
            if (twin.Messages != head.Messages)
            {
                await AnswerDuplicatesAsync(records[i], records, passages, stop);
            }
        }

        return passages;
    }

    /// <returns>null: there is none that counts. What stood there before a record's mark does not: its writer knew of it.</returns>
    private Twin? TwinOf(in RequestHead head, Dictionary<UInt128, Twin> here)
    {
        if (!head.IsMarked)
        {
            return here.TryGetValue(head.Key, out var marked) && marked.IsMarked ? marked : _marked.TryGetValue(head.Key, out marked) ? marked : null;
        }

        var since = DateTimeOffset.FromUnixTimeMilliseconds(head.RepeatSince);
        return here.TryGetValue(head.Key, out var twin) && twin.AppendedAt >= since ? twin
            : _earlier!.Records.TryGetValue(head.Key, out twin) && twin.AppendedAt >= since ? twin
            : null;
    }

    /// <summary>These went on, for good: their commit stands.</summary>
    public void Passed(IReadOnlyList<Incoming> records)
    {
        var now = clock.GetUtcNow();
        if (_earlier is not null && (now - _lastMark > window || _earlier.Records.Count > EarlierMax))
        {
            _earlier = null; // read again if it is needed again
        }

        if (_earlier is null && _marked.Count == 0 && records.All(record => record.Request!.RepeatSince == 0))
        {
            return;
        }

        foreach (var record in records)
        {
            var head = RequestHead.Of(record.Request!);
            var twin = new Twin(head.Messages, record.Entry.AppendedAt, head.IsMarked);
            if (_earlier is not null)
            {
                _earlier.Records[head.Key] = twin;
            }

            if (head.IsMarked)
            {
                _marked[head.Key] = twin with { AppendedAt = now }; // its time runs from when it went on
            }
        }

        foreach (var (key, _) in _marked.Where(it => now - it.Value.AppendedAt > window).ToList())
        {
            _marked.Remove(key);
        }
    }

    /// <returns>For each record its head, where it has to be compared.</returns>
    private async Task<RequestHead?[]> PrepareAsync(IReadOnlyList<Incoming> records, CancellationToken stop)
    {
        if (!_markedAreKnown)
        {
            // Those that went on before this process started.
            await ScanAsync(clock.GetUtcNow() - window, records[0].Entry.Offset, (entry, head) =>
            {
                if (head.IsMarked)
                {
                    _marked[head.Key] = new Twin(head.Messages, entry.AppendedAt, IsMarked: true);
                }
            }, stop);
            _markedAreKnown = true;
        }

        var heads = new RequestHead?[records.Count];
        var oldest = long.MaxValue;
        foreach (var record in records)
        {
            oldest = record.Request!.RepeatSince != 0 ? Math.Min(oldest, record.Request.RepeatSince) : oldest;
        }

        if (oldest == long.MaxValue && _marked.Count == 0)
        {
            return heads;
        }

        for (var i = 0; i < records.Count; i++)
        {
            heads[i] = RequestHead.Of(records[i].Request!);
        }

        if (oldest != long.MaxValue)
        {
            _lastMark = clock.GetUtcNow();
            await LookBackAsync(DateTimeOffset.FromUnixTimeMilliseconds(oldest), records[0].Entry.Offset, stop);
        }

        return heads;
    }

    private async Task LookBackAsync(DateTimeOffset since, long before, CancellationToken stop)
    {
        if (_earlier is not null && _earlier.Since <= since)
        {
            return;
        }

        var earlier = new Earlier(since, []);
        await ScanAsync(since, before, (entry, head) => earlier.Records[head.Key] = new Twin(head.Messages, entry.AppendedAt, head.IsMarked), stop);
        _earlier = earlier;
    }

    /// <summary>Equal requests that promised different messages (a profile changed in between): those that only the dropped one promised are answered.</summary>
    private async Task AnswerDuplicatesAsync(Incoming dropped, IReadOnlyList<Incoming> records, List<Passage> passages, CancellationToken stop)
    {
        var key = RequestHead.Of(dropped.Request!).Key;
        var promised = new HashSet<ByteString>();
        foreach (var twin in records.Where(record => record != dropped && record.Entry.Offset < dropped.Entry.Offset))
        {
            Promise(twin.Request!);
        }

        var since = dropped.Request!.RepeatSince != 0 ? DateTimeOffset.FromUnixTimeMilliseconds(dropped.Request.RepeatSince) : clock.GetUtcNow() - (window * 2);
        await foreach (var entry in log.ScanAsync(partition, since, stop))
        {
            if (entry.Offset >= dropped.Entry.Offset)
            {
                break;
            }

            if (RequestHead.TryRead(entry.Value.Span, out var head) && head.Key == key)
            {
                Promise(Request.Parser.ParseFrom(entry.Value.Span));
            }
        }

        var own = new List<Passage>();
        FanOut.Expand(dropped, own);
        foreach (var passage in own.Where(passage => !promised.Contains(passage.Message.MessageId)))
        {
            passage.End(Fate.Duplicate, "repeated_request");
            passages.Add(passage);
        }

        void Promise(Request twin)
        {
            if (RequestHead.Of(twin).Key == key)
            {
                promised.UnionWith(twin.Recipients.SelectMany(recipient => recipient.Addresses).Select(address => address.MessageId));
            }
        }
    }

    private async Task ScanAsync(DateTimeOffset since, long before, Action<Entry, RequestHead> found, CancellationToken stop)
    {
        await foreach (var entry in log.ScanAsync(partition, since, stop))
        {
            if (entry.Offset >= before)
            {
                return;
            }

            if (RequestHead.TryRead(entry.Value.Span, out var head))
            {
                found(entry, head);
            }
        }
    }
}
