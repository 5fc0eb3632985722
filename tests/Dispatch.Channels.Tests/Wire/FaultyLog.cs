using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A real log whose `outcomes` can be taken away, as brokers of one topic go away, and whose leases can be in doubt, as after a process stood still.</summary>
sealed class FaultyLog(IEventLog log) : ForwardingLog(log)
{
    public volatile bool OutcomesAreAway;
    public volatile bool LeasesAreInDoubt;

    public override ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default) => OutcomesAreAway && records.Any(record => record.Topic == Topics.Outcomes)
        ? throw new AppendException("no broker for outcomes", Persistence.NotPersisted)
        : base.AppendAsync(records, stop);

    public override Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop) =>
        base.RunAsync(group, (partition, revoked) => work(new Doubted(partition, this), revoked), stop);

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
