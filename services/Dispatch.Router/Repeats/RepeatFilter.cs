using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Dispatch.Router.Repeats;

/// <summary>
/// Drops requests that are in the log twice: an Ingest that could not know whether a record was there appended it again, marked with `repeat_since`.
/// Promise: of equal records one goes on, whichever of them are marked, and however often this process starts in between
/// (docs/architecture.md, "Where a duplicate is stopped"). Costs nothing while no record is marked. One for each partition; equal records have equal keys,
/// so they are in the same partition, or in that of the same number in another cluster (<see cref="TwinPartition"/>).
/// </summary>
/// <remarks>
/// A marked record is looked up among all that stand before it since its mark, in memory (<see cref="Earlier"/>); the partition is read at the first mark,
/// and where memory says that an old record may be its twin.
/// An unmarked one is compared with the marked ones that went on in the last <paramref name="window"/>, because an Ingest may have been frozen in its append.
/// </remarks>
sealed class RepeatFilter(IEventLog log, TopicPartition partition, TimeSpan window, TimeProvider clock, ILogger logger, int recordsMax = 250_000)
{
    private readonly TwinPartition[] _elsewhere = [.. log.TwinsOf(partition).Select(it => new TwinPartition(log, it, recordsMax, logger))];
    private readonly List<TwinPartition> _seen = []; // of those, for this batch
    private readonly Dictionary<UInt128, Twin> _marked = [];
    private readonly Queue<(UInt128 Key, DateTimeOffset PassedAt)> _markedInOrder = new();
    private readonly Dictionary<UInt128, Twin> _recalled = [];
    private Earlier? _earlier;
    private DateTimeOffset _lastMark;
    private bool _markedAreKnown;

    /// <summary>Records that were read again to compare others with them.</summary>
    public long Reread { get; private set; }

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

            if ((TwinOf(head, here) ?? TwinElsewhere(head, records[i].Entry.AppendedAt)) is not { } twin)
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
            : _earlier!.TryFind(head.Key, out twin) && twin.AppendedAt >= since ? twin
            : _recalled.TryGetValue(head.Key, out twin) && twin.AppendedAt >= since ? twin
            : null;
    }

    private Twin? TwinElsewhere(in RequestHead head, DateTimeOffset appendedAt)
    {
        if (!head.IsMarked)
        {
            return null;
        }

        foreach (var other in _seen)
        {
            if (other.Find(head, appendedAt, partition) is { } twin)
            {
                return twin;
            }
        }

        return null;
    }

    /// <summary>These went on, for good: their commit stands.</summary>
    public void Passed(IReadOnlyList<Incoming> records)
    {
        var now = clock.GetUtcNow();
        if (now - _lastMark > window)
        {
            _earlier = null; // read again if it is needed again
        }

        while (_markedInOrder.TryPeek(out var oldest) && now - oldest.PassedAt > window)
        {
            _markedInOrder.Dequeue();
            if (_marked.TryGetValue(oldest.Key, out var passed) && passed.AppendedAt <= oldest.PassedAt)
            {
                _marked.Remove(oldest.Key);
            }
        }

        if (_earlier is null && _marked.Count == 0 && records.All(record => record.Request!.RepeatSince == 0))
        {
            return;
        }

        foreach (var record in records)
        {
            var head = RequestHead.Of(record.Request!);
            var twin = new Twin(head.Messages, record.Entry.AppendedAt, head.IsMarked);
            _earlier?.Add(head.Key, twin);
            if (head.IsMarked)
            {
                Remember(head.Key, twin with { AppendedAt = now }); // its time runs from when it went on
            }
        }
    }

    private void Remember(UInt128 key, in Twin marked)
    {
        _marked[key] = marked;
        _markedInOrder.Enqueue((key, marked.AppendedAt));
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
                    Remember(head.Key, new Twin(head.Messages, entry.AppendedAt, IsMarked: true));
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
            await RecallAsync(heads, records[0].Entry.Offset, stop);
            await LookElsewhereAsync(DateTimeOffset.FromUnixTimeMilliseconds(oldest), stop);
        }

        return heads;
    }

    private async Task LookElsewhereAsync(DateTimeOffset since, CancellationToken stop)
    {
        _seen.Clear();
        foreach (var other in _elsewhere)
        {
            if (await other.CatchUpAsync(since, stop))
            {
                _seen.Add(other);
            }
        }
    }

    private async Task LookBackAsync(DateTimeOffset since, long before, CancellationToken stop)
    {
        if (_earlier is not null && _earlier.Since <= since)
        {
            return;
        }

        var earlier = new Earlier(since, recordsMax);
        await ScanAsync(since, before, (entry, head) => earlier.Add(head.Key, new Twin(head.Messages, entry.AppendedAt, head.IsMarked)), stop);
        _earlier = earlier;
    }

    /// <summary>Reads again where the twin of a marked record may stand, when it is too old to be known itself.</summary>
    private async Task RecallAsync(RequestHead?[] heads, long before, CancellationToken stop)
    {
        _recalled.Clear();
        var suspects = new Dictionary<KeyFilter, HashSet<UInt128>>();
        foreach (var head in heads.OfType<RequestHead>().Where(head => head.IsMarked && !_earlier!.TryFind(head.Key, out _)))
        {
            foreach (var suspect in _earlier!.Suspects(head.Key, DateTimeOffset.FromUnixTimeMilliseconds(head.RepeatSince)))
            {
                (suspects.TryGetValue(suspect, out var keys) ? keys : suspects[suspect] = []).Add(head.Key);
            }
        }

        foreach (var (suspect, keys) in suspects.OrderBy(it => it.Key.From))
        {
            await ScanAsync(suspect.From, before, Recall, stop, suspect.Until);

            void Recall(Entry entry, RequestHead head)
            {
                if (keys.Contains(head.Key))
                {
                    _recalled[head.Key] = new Twin(head.Messages, entry.AppendedAt, head.IsMarked);
                }
            }
        }
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
        foreach (var where in _seen.Select(it => it.Id).Prepend(partition))
        {
            await foreach (var entry in log.ScanAsync(where, since, stop))
            {
                if (where == partition && entry.Offset >= dropped.Entry.Offset)
                {
                    break;
                }

                if (RequestHead.TryRead(entry.Value.Span, out var head) && head.Key == key)
                {
                    Promise(Request.Parser.ParseFrom(entry.Value.Span));
                }
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

    private async Task ScanAsync(DateTimeOffset since, long before, Action<Entry, RequestHead> found, CancellationToken stop, DateTimeOffset? until = null)
    {
        await foreach (var entry in log.ScanAsync(partition, since, stop))
        {
            if (entry.Offset >= before || entry.AppendedAt > until)
            {
                return;
            }

            Reread++;
            if (RequestHead.TryRead(entry.Value.Span, out var head))
            {
                found(entry, head);
            }
        }
    }
}
