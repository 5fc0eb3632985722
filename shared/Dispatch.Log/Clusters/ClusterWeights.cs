using System.Collections.Immutable;
using Dispatch.Contracts;

namespace Dispatch.Log.Clusters;

/// <summary>
/// Which cluster a new record goes to: its key decides, by shares that may change at any time. The same key goes to the same cluster while the shares stay; of two clusters, one whose share grows takes
/// keys over and gives none back. So order per recipient is kept as long as nobody moves weights.
/// </summary>
public sealed class ClusterWeights
{
    private readonly IReadOnlyList<Cluster> _clusters;
    private volatile Limit[] _limits;

    public ClusterWeights(IReadOnlyList<Cluster> clusters)
    {
        _clusters = clusters;
        Configured = new Shares(clusters.ToImmutableSortedDictionary(it => it.Name, it => it.Weight, StringComparer.Ordinal));
        _limits = LimitsOf(Configured);
        Current = Configured;
    }

    /// <summary>As the configuration has them: what holds while nobody diverts.</summary>
    public Shares Configured { get; }

    public Shares Current { get; private set; }

    public IReadOnlyList<Cluster> Clusters => _clusters;

    /// <summary>From now on.</summary>
    /// <exception cref="ArgumentException">A name is not attached.</exception>
    public void Set(Shares shares)
    {
        _limits = LimitsOf(shares);
        Current = shares;
    }

    /// <returns>A cluster's number.</returns>
    public int Of(ReadOnlySpan<byte> key)
    {
        var limits = _limits;
        var at = limits.Length == 1 ? 0 : Partitioner.Fraction(key);
        foreach (var limit in limits)
        {
            if (at < limit.Until)
            {
                return limit.Cluster;
            }
        }

        return limits[^1].Cluster;
    }

    private Limit[] LimitsOf(Shares shares)
    {
        if (shares.ByName.Keys.FirstOrDefault(name => _clusters.All(it => it.Name != name)) is { } unknown)
        {
            throw new ArgumentException($"'{unknown}' is no cluster; there are {string.Join(", ", _clusters.Select(it => it.Name))}");
        }

        var reached = 0.0;
        return [.. _clusters.OrderBy(it => it.Number).Where(it => shares.Of(it.Name) > 0).Select(it => new Limit(it.Number, reached += shares.Of(it.Name)))];
    }

    /// <summary>What lies below, and not below the one before, goes to the cluster.</summary>
    private readonly record struct Limit(int Cluster, double Until);
}
