using System.Diagnostics.CodeAnalysis;
using Dispatch.Log;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Journal;

/// <summary>
/// The files of a journal: the one that is written, the next one, made while there is still room in this one for every outcome in flight, and those that somebody
/// still needs. One goes when its outcomes are shipped and the group has passed every record that it knows something about.
/// </summary>
/// <param name="gate">The journal's lock, under which everything here changes.</param>
sealed class Segments(JournalSettings settings, ILogger log, Lock gate, List<SegmentFile> all, SegmentFile current) : IDisposable
{
    private readonly Lock _reading = new(); // a file that is being read is not deleted
    private readonly Dictionary<TopicPartition, long> _committed = [];
    private readonly Dictionary<(TopicPartition Partition, long Offset), long> _kept = []; // by the segment that notes it
    private JournalPosition _shipped = settings.Shipped;
    private SegmentFile? _next;
    private long _bytes = all.Sum(segment => segment.Length);

    /// <summary>The one that is written.</summary>
    public SegmentFile Current { get; private set; } = current;

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>There is no room for more; what is in flight still has some.</summary>
    public bool IsFull { get; private set; }

    public void Passed(TopicPartition partition, long next)
    {
        lock (gate)
        {
            _committed[partition] = Math.Max(next, _committed.GetValueOrDefault(partition));
        }
    }

    public void Shipped(JournalPosition position)
    {
        lock (gate)
        {
            _shipped = position;
        }
    }

    /// <summary>Under the lock: kept messages that are not settled.</summary>
    public int Unsettled => _kept.Count;

    /// <summary>Under the lock: the segment has what is needed to settle a message, and stays until then.</summary>
    public void Keep(TopicPartition partition, long offset, long segment) => _kept[(partition, offset)] = segment;

    /// <summary>Under the lock.</summary>
    public void Settled(TopicPartition partition, long offset) => _kept.Remove((partition, offset));

    /// <summary>The first segment at or behind a number, and how much of it readers may see.</summary>
    public (SegmentFile Segment, long Readable, bool IsComplete)? From(long number)
    {
        lock (gate)
        {
            return all.FirstOrDefault(it => it.Number >= number) is { } segment ? (segment, segment.DurableEnd, segment.IsComplete) : null;
        }
    }

    /// <summary>Reads all of them; none is deleted meanwhile.</summary>
    public Dictionary<TopicPartition, Dictionary<long, Remembered>> Read(Func<TopicPartition, long> next, List<Fault> faults, Dictionary<(TopicPartition, long), Kept> kept)
    {
        lock (_reading)
        {
            SegmentFile[] segments;
            lock (gate)
            {
                segments = [.. all];
            }

            return JournalScan.Read(segments, settings.Topics, (partition, offset) => offset >= next(partition), faults, kept);
        }
    }

    /// <summary>Under the lock: from here on the next one is written, if this one has its size.</summary>
    public void RollIfFull()
    {
        if (Current.Length >= settings.SegmentBytesMax && _next is not null)
        {
            Begin(_next);
        }
    }

    /// <summary>Under the lock: another one than <paramref name="condemned"/>, to be written from now on; null: there is no room for one.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "owned by the journal")]
    public SegmentFile? Replace(SegmentFile condemned)
    {
        if (Current == condemned)
        {
            if ((_next ?? TryCreate()) is not { } fresh)
            {
                return null;
            }

            Begin(fresh);
        }

        condemned.Condemn();
        return Current;
    }

    /// <summary>Deletes what nobody needs, and prepares the next one. Called by the one thread that syncs.</summary>
    public void MakeRoom()
    {
        List<SegmentFile> done;
        lock (_reading)
        {
            lock (gate)
            {
                var oldestKept = _kept.Values.DefaultIfEmpty(long.MaxValue).Min();
                done = [.. all.TakeWhile(it => it != Current && it.Number < Math.Min(_shipped.Segment, oldestKept) && it.IsPassed(partition => _committed.GetValueOrDefault(partition)))];
                all.RemoveRange(0, done.Count);
                Interlocked.Exchange(ref _bytes, all.Sum(segment => segment.Length));
            }

            foreach (var segment in done)
            {
                segment.Dispose();
                File.Delete(segment.Path);
            }
        }

        var isFull = Bytes >= settings.BytesMax;
        if (!isFull && _next is null && Current.Length > settings.SegmentBytesMax / 2)
        {
            _next = TryCreate();
            isFull = _next is null && Current.Length > settings.SegmentBytesMax; // what is in flight still fits into the reserve
        }

        if (isFull && !IsFull)
        {
            log.JournalFull(Bytes);
        }

        IsFull = isFull;
    }

    /// <summary>Cuts a torn tail, so that it is reported once; damage stays as it is, for a person.</summary>
    public void Report(Fault fault)
    {
        if (!fault.Torn)
        {
            log.JournalDamaged(fault.Bytes, fault.Segment, fault.Offset);
            return;
        }

        log.JournalTorn(fault.Bytes, fault.Segment, fault.Offset);
        var segment = all.First(it => it.Number == fault.Segment);
        if (fault.Offset + fault.Bytes == segment.Length && segment != Current)
        {
            RandomAccess.SetLength(segment.File, fault.Offset);
            segment.Cut(fault.Offset);
        }
    }

    public void Dispose()
    {
        Current.Close();
        all.ForEach(segment => segment.Dispose());
        if (_next is not null)
        {
            _next.Dispose();
            File.Delete(_next.Path);
        }
    }

    private void Begin(SegmentFile segment)
    {
        (Current, _next) = (segment, null);
        all.Add(segment);
    }

    private SegmentFile? TryCreate()
    {
        try
        {
            return SegmentFile.Create(settings.Folder, Current.Number + 1, settings.Topics, settings.Reserve);
        }
        catch (IOException e)
        {
            log.JournalHasNoRoom(e);
            return null;
        }
    }
}
