using System.Collections.Immutable;

namespace Dispatch.Log.Files;

/// <summary>The segments that there are, by number. Read without a lock.</summary>
sealed class SegmentTable
{
    private ImmutableArray<Segment> _all = [];

    public ImmutableArray<Segment> All => _all;

    public void Add(Segment segment) => ImmutableInterlocked.Update(ref _all, static (all, added) => all.Add(added), segment);

    public void Remove(Segment segment) => ImmutableInterlocked.Update(ref _all, static (all, removed) => all.Remove(removed), segment);

    public void Replace(Segment segment, Segment by) => ImmutableInterlocked.Update(ref _all, static (all, of) => all.Replace(of.segment, of.by), (segment, by));

    /// <returns>The segment, from <paramref name="hint"/>'s place on, that has the offset or the first one above it; null: no record there yet.</returns>
    public Segment? Find(int partition, long offset, Segment? hint = null)
    {
        var all = _all;
        for (var i = hint is null ? 0 : PlaceOf(all, hint.Number); i < all.Length; i++)
        {
            if (all[i].Index.TryRange(partition, out _, out var end) && end > offset)
            {
                return all[i];
            }
        }

        return null;
    }

    /// <returns>The first segment with a record of the partition appended at or after the time.</returns>
    public Segment? FindTime(int partition, long unixMilliseconds)
    {
        foreach (var segment in _all)
        {
            if ((!segment.IsSealed || segment.Last.LastAppendedAt >= unixMilliseconds) && segment.Index.TryRange(partition, out _, out _))
            {
                return segment;
            }
        }

        return null;
    }

    private static int PlaceOf(ImmutableArray<Segment> all, long number)
    {
        var (low, high) = (0, all.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = all[middle].Number < number ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
