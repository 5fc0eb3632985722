namespace Dispatch.Log;

/// <summary>One record to append. The partition follows from the key by <see cref="Partitioner"/>; records of one key keep their order within a topic.</summary>
/// <param name="Key">Never an address: topics are read by more people than messages are.</param>
/// <param name="Value">
/// Protobuf. Two limits: the door takes at most <see cref="ValueBytesMax"/>; the log takes <see cref="StoredBytesMax"/> on every topic, so that whatever came in has room for what
/// hops add on its way (attempts, reasons, the wrapping of the quarantine).
/// </param>
public sealed record Record(string Topic, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value)
{
    /// <summary>What may come in from outside.</summary>
    public const int ValueBytesMax = 4 * 1024 * 1024;

    /// <summary>What the log appends; a larger value is an <see cref="ArgumentException"/>.</summary>
    public const int StoredBytesMax = ValueBytesMax + (64 * 1024);

    public IReadOnlyList<RecordHeader> Headers { get; init; } = [];

    /// <summary>Set only by what must reach every partition (marks) or go back where it came from; null: the key decides.</summary>
    public int? Partition { get; init; }

    /// <summary>Set by what goes on from a record: it stays in the cluster where that was read. null: the weights of the clusters decide. Means nothing where there is only one.</summary>
    public int? Cluster { get; init; }
}

public readonly record struct RecordHeader(string Name, ReadOnlyMemory<byte> Value);

public readonly record struct TopicPartition(string Topic, int Partition);

/// <summary>One record as it stands in a partition.</summary>
public sealed record Entry(long Offset, DateTimeOffset AppendedAt, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, IReadOnlyList<RecordHeader> Headers);

/// <summary>Consecutive entries of one partition, in order, at least one.</summary>
/// <param name="End">The offset behind the last of them, counting those that were skipped because they are done.</param>
public sealed record Batch(IReadOnlyList<Entry> Entries, long End);
