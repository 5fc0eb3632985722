using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Files;

/// <summary>A group that holds back segments and does not move.</summary>
public sealed record Stalled(string Group, TopicPartition Partition, TimeSpan Since, long Waiting);

/// <summary>
/// Lets segments go, the oldest first: when a checkpoint has what they say about positions, every declared group has passed their records, and they are old enough.
/// On a full disk age does not count. Who holds them back without moving is reported.
/// </summary>
sealed class Retention(LogState state, Spares spares, FileLogOptions options, Func<string, IEnumerable<string>> groupsOf, ILogger log, TimeProvider time)
{
    private readonly Dictionary<(string Group, int Partition), (long Next, DateTimeOffset Since, bool IsReported)> _seen = [];
    private volatile IReadOnlyList<Stalled> _stalled = [];

    /// <summary>Segments up to this one are covered by a checkpoint on the disk.</summary>
    public long CheckpointedSegment { get; set; } = -1;

    public IReadOnlyList<Stalled> Stalled => _stalled;

    /// <returns>How many segments went.</returns>
    public int Apply(bool hurry)
    {
        var gone = 0;
        var holding = new HashSet<(string, int)>();
        foreach (var segment in state.Segments.All)
        {
            if (!segment.IsSealed || segment.Number > CheckpointedSegment || (!hurry && Age(segment) < options.Retention))
            {
                break;
            }

            if (Holders(segment) is { Count: > 0 } holders)
            {
                holding.UnionWith(holders);
                break;
            }

            if (KeepsQuarantine(segment))
            {
                break;
            }

            Let(segment);
            gone++;
        }

        Watch(holding);
        return gone;
    }

    private TimeSpan Age(Segment segment) => time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(segment.Last.LastAppendedAt);

    private List<(string, int)> Holders(Segment segment)
    {
        var holders = new List<(string, int)>();
        foreach (var partition in state.Topics.All)
        {
            if (!segment.Index.TryRange(partition.Index, out _, out var end))
            {
                continue;
            }

            foreach (var group in groupsOf(partition.Id.Topic))
            {
                if (!options.RetiredGroups.Contains(group) && (!state.Positions.TryGetValue((group, partition.Index), out var position) || position.Next < end))
                {
                    holders.Add((group, partition.Index));
                }
            }
        }

        return holders;
    }

    private bool KeepsQuarantine(Segment segment) =>
        Age(segment) < options.QuarantineRetention
        && state.Topics.All.Any(partition => partition.Id.Topic == Contracts.Topics.Quarantine && segment.Index.TryRange(partition.Index, out _, out _));

    private void Let(Segment segment)
    {
        state.Segments.Remove(segment);
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
