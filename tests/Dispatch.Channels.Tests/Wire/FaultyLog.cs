using Dispatch.Contracts;
using Dispatch.Log;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A real log whose `outcomes` can be taken away, as brokers of one topic go away, and whose leases can be in doubt, as after a process stood still.</summary>
sealed class FaultyLog(IEventLog log) : IEventLog
{
    public volatile bool OutcomesAreAway;
    public volatile bool LeasesAreInDoubt;

    public string ClusterId => log.ClusterId;

    public bool IsExclusive => log.IsExclusive;

    public IReadOnlyList<Damage> Damages => log.Damages;

    public int PartitionsOf(string topic) => log.PartitionsOf(topic);

    public ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default) => OutcomesAreAway && records.Any(record => record.Topic == Topics.Outcomes)
        ? throw new AppendException("no broker for outcomes", Persistence.NotPersisted)
        : log.AppendAsync(records, stop);

    public Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop) =>
        log.RunAsync(group, (partition, revoked) => work(new Doubted(partition, this), revoked), stop);

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => log.ScanAsync(partition, since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => log.EndAsync(partition, stop);

    public ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default) =>
        log.PositionsAsync(group, partitions, stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Doubted(IPartition partition, FaultyLog log) : IPartition
    {
        public TopicPartition Id => partition.Id;

        public Position Start => partition.Start;

        public Position Committed => partition.Committed;

        public bool LeaseHolds => !log.LeasesAreInDoubt && partition.LeaseHolds;

        public long End => partition.End;

        public IAsyncEnumerable<Batch> ReadAsync(Position from, CancellationToken stop) => partition.ReadAsync(from, stop);

        public ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default) => partition.CommitAsync(outputs, position, stop);
    }
}
