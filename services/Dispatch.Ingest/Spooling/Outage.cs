using System.Collections.Concurrent;
using Dispatch.Log;
using Dispatch.Log.Clusters;

namespace Dispatch.Ingest.Spooling;

/// <summary>An append on its way to one partition.</summary>
/// <param name="IsDrain">From the spool, and not from a caller.</param>
readonly record struct Attempted(TopicPartition Partition, long Began, bool IsDrain);

/// <summary>
/// Progress is health: a partition to which something is on its way, and which acknowledges nothing for <paramref name="after"/>, is out; so is a cluster when none of its own does, and everything when no cluster does.
/// The first acknowledgement brings it back. Knows no brokers and no thread of its own, only what became of appends.
/// </summary>
sealed class Outage(TimeSpan after, TimeProvider clock)
{
    /// <summary>Where nothing else is on its way, one caller's record in so long is tried nevertheless: otherwise nobody would ever see it come back.</summary>
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<TopicPartition, Pulse> _partitions = new();
    private readonly ConcurrentDictionary<int, Pulse> _clusters = new();
    private readonly Pulse _all = new();
    private readonly Pulse _callers = new();
    private long _lastCaller; // ticks of the last caller's append that was acknowledged

    /// <summary>Since when nothing at all is acknowledged; null: something is.</summary>
    public DateTimeOffset? ClusterSince => _all.OutSince(clock, after);

    /// <summary>Partitions that are out, each by itself.</summary>
    public IReadOnlyList<TopicPartition> Partitions => [.. _partitions.Where(it => it.Value.OutSince(clock, after) is not null).Select(it => it.Key)];

    /// <summary>How long callers' appends take just now.</summary>
    public TimeSpan CallersWait => TimeSpan.FromTicks(Math.Max(Volatile.Read(ref _lastCaller), _callers.Waits(clock).Ticks));

    /// <summary>Whether a caller's record is worth a try.</summary>
    public bool Takes(TopicPartition partition) =>
        ClusterSince is not null ? _all.Takes(clock, after, ProbeInterval)
        : ClusterIsOut(ClusterNumber.Of(partition.Partition)) is { } cluster ? cluster.Takes(clock, after, ProbeInterval)
        : !_partitions.TryGetValue(partition, out var pulse) || pulse.Takes(clock, after, ProbeInterval);

    /// <summary>Since when a cluster acknowledges nothing; null: it does, or nothing was tried.</summary>
    public DateTimeOffset? Since(int cluster) => _clusters.TryGetValue(cluster, out var pulse) ? pulse.OutSince(clock, after) : null;

    /// <summary>How long something has been on its way to a cluster that acknowledges nothing; zero: nothing is, or it does.</summary>
    public TimeSpan Silence(int cluster) => _clusters.TryGetValue(cluster, out var pulse) ? pulse.Waits(clock) : TimeSpan.Zero;

    /// <summary>What became of the appends to a cluster, since the process started.</summary>
    public (long Arrived, long Failed) Counts(int cluster) => _clusters.TryGetValue(cluster, out var pulse) ? pulse.Counts : (0, 0);

    public Attempted Begin(TopicPartition partition, bool isDrain)
    {
        _all.Begin(clock);
        _clusters.GetOrAdd(ClusterNumber.Of(partition.Partition), static _ => new Pulse()).Begin(clock);
        _partitions.GetOrAdd(partition, static _ => new Pulse()).Begin(clock);
        if (!isDrain)
        {
            _callers.Begin(clock);
        }

        return new Attempted(partition, clock.GetTimestamp(), isDrain);
    }

    public void End(in Attempted of, bool arrived)
    {
        _all.End(clock, arrived);
        _clusters[ClusterNumber.Of(of.Partition.Partition)].End(clock, arrived);
        _partitions[of.Partition].End(clock, arrived);
        if (!of.IsDrain)
        {
            _callers.End(clock, arrived);
            if (arrived)
            {
                Volatile.Write(ref _lastCaller, clock.GetElapsedTime(of.Began).Ticks);
            }
        }
    }

    /// <summary>Not even the partitions are known.</summary>
    public void Unreachable()
    {
        _all.Begin(clock);
        _all.End(clock, arrived: false);
    }

    private Pulse? ClusterIsOut(int number) => _clusters.TryGetValue(number, out var pulse) && pulse.OutSince(clock, after) is not null ? pulse : null;

    /// <summary>What is on its way, and when something last arrived.</summary>
    private sealed class Pulse
    {
        private readonly Lock _gate = new();
        private int _pending;
        private bool _failed; // the last one that ended did
        private long _since; // of the last progress, or of what waits
        private long _probed;
        private DateTimeOffset? _outSince;
        private (long Arrived, long Failed) _counts;

        public (long Arrived, long Failed) Counts
        {
            get
            {
                lock (_gate)
                {
                    return _counts;
                }
            }
        }

        public void Begin(TimeProvider clock)
        {
            lock (_gate)
            {
                if (_pending++ == 0 && !_failed)
                {
                    _since = clock.GetTimestamp();
                }
            }
        }

        public void End(TimeProvider clock, bool arrived)
        {
            lock (_gate)
            {
                _pending--;
                _failed = !arrived;
                _counts = arrived ? (_counts.Arrived + 1, _counts.Failed) : (_counts.Arrived, _counts.Failed + 1);
                if (arrived)
                {
                    (_since, _outSince) = (clock.GetTimestamp(), null);
                }
            }
        }

        public TimeSpan Waits(TimeProvider clock)
        {
            lock (_gate)
            {
                return _pending > 0 ? clock.GetElapsedTime(_since) : TimeSpan.Zero;
            }
        }

        public DateTimeOffset? OutSince(TimeProvider clock, TimeSpan after)
        {
            lock (_gate)
            {
                Look(clock, after);
                return _outSince;
            }
        }

        public bool Takes(TimeProvider clock, TimeSpan after, TimeSpan probeInterval)
        {
            lock (_gate)
            {
                Look(clock, after);
                if (_outSince is null)
                {
                    return true;
                }

                if (_pending > 0 || (_probed != 0 && clock.GetElapsedTime(_probed) < probeInterval))
                {
                    return false;
                }

                _probed = clock.GetTimestamp();
                return true;
            }
        }

        private void Look(TimeProvider clock, TimeSpan after)
        {
            if (_outSince is null && (_pending > 0 || _failed) && clock.GetElapsedTime(_since) is var silent && silent > after)
            {
                (_outSince, _probed) = (clock.GetUtcNow() - silent, clock.GetTimestamp());
            }
        }
    }
}
