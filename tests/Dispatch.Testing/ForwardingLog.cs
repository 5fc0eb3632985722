using Dispatch.Log;

namespace Dispatch.Testing;

/// <summary>A real log behind which a test puts one thing that differs: a fault of the disk, brokers that are away. Does not own it.</summary>
public abstract class ForwardingLog(IEventLog real) : IEventLog
{
    public string ClusterIdOf(int partition) => real.ClusterIdOf(partition);

    public virtual bool IsExclusive => real.IsExclusive;

    public IReadOnlyList<Damage> Damages => real.Damages;

    public int PartitionsOf(string topic) => real.PartitionsOf(topic);

    public virtual ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default) => real.AppendAsync(records, stop);

    public virtual Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop) => real.RunAsync(group, work, stop);

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => real.ScanAsync(partition, since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => real.EndAsync(partition, stop);

    public ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default) =>
        real.PositionsAsync(group, partitions, stop);

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
