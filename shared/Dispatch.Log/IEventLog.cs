namespace Dispatch.Log;

/// <summary>
/// Topics, partitions, groups. Two real implementations: files for one machine, Apache Kafka for many; every service works on both.
/// Promise: what <see cref="AppendAsync"/> or <see cref="IPartition.CommitAsync"/> returned from is durable, and is read exactly as it was written.
/// </summary>
public interface IEventLog : IAsyncDisposable
{
    /// <summary>Random and fixed for the life of the log, or of that of its clusters which has the partition. Positions that are kept elsewhere are keyed by it; another id stops their owner.</summary>
    string ClusterIdOf(int partition);

    /// <summary>Of all clusters that are open.</summary>
    IReadOnlyCollection<string> ClusterIds => [ClusterIdOf(0)];

    /// <summary>One process at a time has this log: whatever was committed to it was committed from this machine's own folders.</summary>
    bool IsExclusive => false;

    /// <summary>Done when the log is there; at once on files, on Kafka when brokers and topics are. Until then every other member says <see cref="LogUnavailableException"/>, or waits.</summary>
    Task OpenedAsync(CancellationToken stop) => Task.CompletedTask;

    /// <exception cref="KeyNotFoundException">No such topic.</exception>
    int PartitionsOf(string topic);

    /// <summary>The partitions of a topic, in all clusters.</summary>
    /// <param name="openOnly">Leaves out clusters that were not reached yet.</param>
    /// <exception cref="LogUnavailableException">Not all of them are known.</exception>
    IReadOnlyList<TopicPartition> AllPartitionsOf(string topic, bool openOnly = false) => [.. Enumerable.Range(0, PartitionsOf(topic)).Select(number => new TopicPartition(topic, number))];

    /// <summary>Where the same keys go in other clusters.</summary>
    IReadOnlyList<TopicPartition> TwinsOf(TopicPartition partition) => [];

    /// <summary>Where a record would go now.</summary>
    TopicPartition PlaceOf(Record record) => new(record.Topic, record.Partition ?? Partitioner.Of(record.Key.Span, PartitionsOf(record.Topic)));

    /// <summary>Returns when all records are durable. They become visible together on the file log, in any order between partitions on Kafka.</summary>
    /// <exception cref="AppendException">Says whether the records may be there nevertheless.</exception>
    ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default);

    /// <summary>
    /// Joins a group and runs <paramref name="work"/> once for each partition that it is assigned, until <paramref name="stop"/>.
    /// The token given to the work ends when the partition is to be handed over or the run stops: the work then settles what is in flight, commits, and returns.
    /// Work that throws ends the run with its exception, after the other partitions have settled.
    /// </summary>
    Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop);

    /// <summary>Reads a partition without a group, from the first record appended at or after <paramref name="since"/> to the durable end as it is now.</summary>
    IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default);

    /// <summary>The offset behind the last durable record.</summary>
    ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default);

    /// <summary>Where a group stands; null: it never committed there. Of an assigned partition <see cref="IPartition.Committed"/> says it without asking anybody.</summary>
    ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default);

    /// <summary>What cannot be read as it was written, and readers therefore pass over. Files report it until a person has looked; on Kafka replicas repair it, and the list is empty.</summary>
    IReadOnlyList<Damage> Damages { get; }
}

/// <summary>Who reads: a name under which positions are kept, and its topics. Groups are declared, so that a forgotten one cannot hold back retention unseen.</summary>
public sealed record Group(string Name, IReadOnlyList<string> Topics)
{
    /// <summary>Records handed out at once, 1 to 10 000.</summary>
    public int BatchSizeMax { get; init; } = 1_000;

    /// <summary>Bytes of values handed out at once; a single larger record is handed out alone.</summary>
    public int BatchBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>How long records may wait to be read together, where reading costs by the request: 0 to 2 s.</summary>
    public TimeSpan Gather { get; init; }

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(Name);
        ArgumentOutOfRangeException.ThrowIfZero(Topics.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSizeMax, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchBytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Gather.Ticks);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Gather, TimeSpan.FromSeconds(2)); // a broker's answer is waited for twice as long
    }
}

/// <summary>One partition while it is assigned to this process.</summary>
public interface IPartition
{
    TopicPartition Id { get; }

    /// <summary>Where the group stood when the partition was assigned.</summary>
    Position Start { get; }

    /// <summary>The last position that was committed here, or is being committed; at first where the group stood.</summary>
    Position Committed { get; }

    /// <summary>
    /// False once the partition may belong to somebody else. Looked at before the first byte of a message leaves and again before what makes it whole;
    /// costs a few nanoseconds.
    /// </summary>
    bool LeaseHolds { get; }

    /// <summary>Batches from <paramref name="from"/> on, without what it marks as done or kept; waits at the end for more, until <paramref name="stop"/>, then ends without an exception.</summary>
    IAsyncEnumerable<Batch> ReadAsync(Position from, CancellationToken stop);

    /// <summary>The end of a hop: the outputs and the group's position become durable and visible together, or not at all.</summary>
    /// <exception cref="LeaseLostException">The partition belongs to somebody else; nothing was written.</exception>
    /// <exception cref="AppendException">As for <see cref="IEventLog.AppendAsync"/>; repeating with the same position is safe.</exception>
    ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default);

    /// <summary>The offset behind the last durable record; what lies between a position and it is the backlog.</summary>
    long End { get; }
}
