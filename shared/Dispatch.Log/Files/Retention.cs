using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Files;

/// <summary>A group that holds back segments and does not move.</summary>
public sealed record Stalled(string Group, TopicPartition Partition, TimeSpan Since, long Waiting);

/// <summary>
/// Lets segments go, when a checkpoint has what they say about positions, every declared group has passed their records, and they are old enough; on a full disk age does not count.
/// Where only few of the records are still needed, the segment is thinned to them. A group that holds back segments and does not move is reported.
/// </summary>
sealed class Retention(LogState state, Spares spares, FileLogOptions options, Func<string, IEnumerable<string>> groupsOf, ILogger log, TimeProvider time)
{
    private readonly Dictionary<(string Group, int Partition), (long Next, DateTimeOffset Since, bool IsReported)> _seen = [];
    private volatile IReadOnlyList<Stalled> _stalled = [];

    public IReadOnlyList<Stalled> Stalled => _stalled;

    /// <param name="covered">Segments up to this one are counted in by a checkpoint on the disk.</param>
    /// <returns>What nobody can find any more, to be deleted; and whether others got smaller.</returns>
    public (List<Segment> Gone, bool Thinned) Apply(long covered, bool hurry)
    {
        var gone = new List<Segment>();
        var holding = new HashSet<(string, int)>();
        var isThinned = false;
        var groups = state.Topics.All.Select(partition => partition.Id.Topic).Distinct(StringComparer.Ordinal)
            .ToDictionary(topic => topic, topic => groupsOf(topic).Except(options.RetiredGroups, StringComparer.Ordinal).ToArray(), StringComparer.Ordinal);
        foreach (var segment in state.Segments.All)
        {
            if (!segment.IsSealed || segment.Number > covered || (!hurry && Age(segment) < options.Retention))
            {
                continue;
            }

            var kept = Kept(segment, groups, holding);
            if (kept.Count == 0)
            {
                state.Segments.Remove(segment);
                gone.Add(segment);
            }
            else if (segment.Considered is null || !segment.Considered.SetEquals(kept))
            {
                isThinned |= TryThin(segment, kept);
            }
        }

        Watch(holding);
        return (gone, isThinned);
    }

    public void Delete(Segment segment)
    {
        File.Delete(segment.IndexPath);
        if (segment.Retire())
        {
            spares.Recycle(segment.Path);
        }
        else
        {
            File.Delete(segment.Path); // somebody is still looking back: the blocks go when he is done
        }

        log.SegmentRetired(segment.Number);
    }

    private TimeSpan Age(Segment segment) => time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(segment.Last.LastAppendedAt);

    private HashSet<int> Kept(Segment segment, Dictionary<string, string[]> groups, HashSet<(string, int)> holding)
    {
        var kept = new HashSet<int>();
        var keepsQuarantine = Age(segment) < options.QuarantineRetention;
        foreach (var partition in state.Topics.All)
        {
            if (!segment.Index.TryRange(partition.Index, out _, out var end))
            {
                continue;
            }

            if (keepsQuarantine && partition.Id.Topic == Contracts.Topics.Quarantine)
            {
                kept.Add(partition.Index);
            }

            if (groups[partition.Id.Topic].Length == 0 && Age(segment) < options.Retention)
            {
                kept.Add(partition.Index); // whoever is to read it has not come yet: not even a full disk is a reason
            }

            foreach (var group in groups[partition.Id.Topic])
            {
                if (!state.Positions.TryGetValue((group, partition.Index), out var position) || position.Next < end)
                {
                    kept.Add(partition.Index);
                    holding.Add((group, partition.Index));
                }
            }
        }

        return kept;
    }

    private bool TryThin(Segment segment, HashSet<int> kept)
    {
        segment.Considered = kept;
        if (!Thinner.IsWorthIt(segment, kept))
        {
            return false;
        }

        var thinned = Thinner.Thin(segment, kept, state);
        thinned.Considered = kept;
        state.Segments.Replace(segment, thinned);
        segment.Retire();
        return true;
    }

    private void Watch(HashSet<(string Group, int Partition)> holding)
    {
        var now = time.GetUtcNow();
        foreach (var key in _seen.Keys.Where(key => !holding.Contains(key)).ToArray())
        {
            _seen.Remove(key);
        }

        var stalled = new List<Stalled>();
        foreach (var key in holding)
        {
            var next = state.Positions.TryGetValue(key, out var position) ? position.Next : 0;
            if (!_seen.TryGetValue(key, out var seen) || seen.Next != next)
            {
                _seen[key] = (next, now, false);
                continue;
            }

            if (now - seen.Since >= options.StalledAfter)
            {
                var partition = state.Topics.All[key.Partition];
                stalled.Add(new Stalled(key.Group, partition.Id, now - seen.Since, partition.End - next));
                if (!seen.IsReported)
                {
                    log.GroupStalled(key.Group, partition.Id.Topic, partition.Id.Partition, now - seen.Since, partition.End - next);
                    _seen[key] = seen with { IsReported = true };
                }
            }
        }

        _stalled = stalled;
    }
}
