using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Clusters;

/// <summary>
/// Several clusters as one log (docs/adr/0015-several-clusters.md). Groups read all of them; what is appended goes where the weights send its key, or where the record says; what a hop commits
/// stays in the cluster that it read from. A cluster that is away keeps up only what is its own.
/// </summary>
public sealed class ClusteredLog : IEventLog
{
    private readonly Attached[] _clusters;
    private readonly IReadOnlyCollection<string> _topics;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _opening;

    public ClusteredLog(ClusterWeights weights, IReadOnlyCollection<string> topics, ILogger log)
    {
        (_clusters, _topics, _log) = ([.. weights.Clusters.OrderBy(it => it.Number).Select(it => new Attached(it))], topics, log);
        Weights = weights;
        _opening = OpenAsync();
    }

    public ClusterWeights Weights { get; }

    public IReadOnlyCollection<string> ClusterIds => [.. _clusters.Where(it => it.Fault is null).Select(it => it.Log.ClusterIdOf(0))];

    public IReadOnlyList<Damage> Damages => [.. _clusters.SelectMany(it => it.Log.Damages)];

    /// <summary>What cannot be used yet, and why.</summary>
    public IReadOnlyList<(string Name, string Why)> Faults => [.. _clusters.Where(it => it.Fault is not null).Select(it => (it.Name, it.Fault!))];

    public string ClusterIdOf(int partition) => At(partition).Open.ClusterIdOf(0);

    /// <summary>Done when one of them is: the others may be away for good.</summary>
    public Task OpenedAsync(CancellationToken stop) => Task.WhenAny(_clusters.Select(it => it.Usable)).WaitAsync(stop);

    /// <summary>Of each cluster.</summary>
    public int PartitionsOf(string topic) => (_clusters.FirstOrDefault(it => it.Fault is null) ?? _clusters[0]).Open.PartitionsOf(topic);

    public IReadOnlyList<TopicPartition> AllPartitionsOf(string topic, bool openOnly = false) =>
    [
        .. from cluster in _clusters
           where !openOnly || cluster.Fault is null
           from number in Enumerable.Range(0, cluster.Open.PartitionsOf(topic))
           select new TopicPartition(topic, ClusterNumber.At(cluster.Number, number)),
    ];

    public IReadOnlyList<TopicPartition> TwinsOf(TopicPartition partition) =>
        [.. _clusters.Where(it => it.Number != ClusterNumber.Of(partition.Partition)).Select(it => ClusterNumber.At(it.Number, ClusterNumber.Within(partition)))];

    /// <summary>Known as soon as one cluster is open: all have as many partitions.</summary>
    public TopicPartition PlaceOf(Record record) =>
        new(record.Topic, record.Partition ?? ClusterNumber.At(ClusterOf(record), Partitioner.Of(record.Key.Span, PartitionsOf(record.Topic))));

    public async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        var parts = records.GroupBy(ClusterOf).Select(part => (Cluster: Numbered(part.Key), Records: (IReadOnlyList<Record>)[.. part.Select(Within)])).ToList();
        if (parts is [var only])
        {
            await AppendAsync(only.Cluster, only.Records, stop);
            return;
        }

        var appends = parts.Select(part => AppendAsync(part.Cluster, part.Records, stop)).ToList();
        await Task.WhenAll(appends).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (appends.Find(it => !it.IsCompletedSuccessfully) is not { } failed)
        {
            return;
        }

        if (failed.Exception?.InnerException is not AppendException fault)
        {
            await failed;
            return;
        }

        var isNowhere = appends.TrueForAll(it => it.Exception?.InnerException is AppendException { Persistence: Persistence.NotPersisted });
        throw isNowhere ? fault : new AppendException(fault.Message, Persistence.PossiblyPersisted, fault);
    }

    public async Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _closing.Token);
        var runs = _clusters.Select(cluster => RunAsync(cluster, group, work, ends.Token)).ToList();
        await Task.WhenAny(runs);
        await ends.CancelAsync(); // one that fell over ends the others in good order
        await Task.WhenAll(runs);
    }

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) =>
        At(partition.Partition).Open.ScanAsync(ClusterNumber.Within(partition), since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => At(partition.Partition).Open.EndAsync(ClusterNumber.Within(partition), stop);

    public async ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(
        string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default)
    {
        var positions = new Dictionary<TopicPartition, Position?>();
        foreach (var own in partitions.GroupBy(it => ClusterNumber.Of(it.Partition)))
        {
            foreach (var (partition, position) in await Numbered(own.Key).Open.PositionsAsync(group, [.. own.Select(ClusterNumber.Within)], stop))
            {
                positions[ClusterNumber.At(own.Key, partition)] = position;
            }
        }

        return positions;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_clusters.Select(it => it.Log.DisposeAsync().AsTask()));
        _closing.Dispose();
    }

    private async Task OpenAsync()
    {
        await foreach (var opened in Task.WhenEach(_clusters.Select(OpenedAsync))) // one after the other: they are compared
        {
            (await opened).Admit(_clusters.FirstOrDefault(it => it.Fault is null)?.Log, _topics, _log);
        }

        async Task<Attached> OpenedAsync(Attached cluster)
        {
            await cluster.Log.OpenedAsync(_closing.Token);
            return cluster;
        }
    }

    private static async Task AppendAsync(Attached cluster, IReadOnlyList<Record> records, CancellationToken stop)
    {
        if (cluster.Fault is { } fault)
        {
            throw new AppendException($"Cluster {cluster.Name} cannot be used: {fault}", Persistence.NotPersisted);
        }

        await cluster.Log.AppendAsync(records, stop);
    }

    private static async Task RunAsync(Attached cluster, Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop)
    {
        await cluster.Usable.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stop.IsCancellationRequested)
        {
            await cluster.Log.RunAsync(group, (partition, revoked) => work(new ClusterPartition(partition, cluster.Number), revoked), stop);
        }
    }

    /// <summary>A cluster that was taken away has left nothing behind but what its journals and spools still hold: that goes where everything goes.</summary>
    private int ClusterOf(Record record) =>
        record.Partition is { } at ? ClusterNumber.Of(at)
        : record.Cluster is { } cluster && Array.Exists(_clusters, it => it.Number == cluster) ? cluster
        : Weights.Of(record.Key.Span);

    private static Record Within(Record record) => record.Partition is { } at ? record with { Partition = ClusterNumber.Within(at) } : record;

    private Attached At(int partition) => Numbered(ClusterNumber.Of(partition));

    private Attached Numbered(int number) => Array.Find(_clusters, it => it.Number == number) ?? throw new KeyNotFoundException($"There is no cluster number {number}.");
}
