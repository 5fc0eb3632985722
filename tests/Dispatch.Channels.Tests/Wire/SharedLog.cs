using Dispatch.Log;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A real log of which several processes could have partitions, as on Kafka: it only says so.</summary>
sealed class SharedLog(IEventLog log) : IEventLog
{
    public string ClusterId => log.ClusterId;

    public bool IsExclusive => false;

    public IReadOnlyList<Damage> Damages => log.Damages;

    public int PartitionsOf(string topic) => log.PartitionsOf(topic);

    public ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default) => log.AppendAsync(records, stop);

    public Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop) => log.RunAsync(group, work, stop);

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => log.ScanAsync(partition, since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => log.EndAsync(partition, stop);

    public ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default) =>
        log.PositionsAsync(group, partitions, stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
