namespace Dispatch.Log.Clusters;

/// <summary>A partition under its number among all clusters. What is committed here stays in its cluster.</summary>
sealed class ClusterPartition(IPartition real, int cluster) : IPartition
{
    public TopicPartition Id { get; } = ClusterNumber.At(cluster, real.Id);

    public Position Start => real.Start;

    public Position Committed => real.Committed;

    public bool LeaseHolds => real.LeaseHolds;

    public long End => real.End;

    public IAsyncEnumerable<Batch> ReadAsync(Position from, CancellationToken stop) => real.ReadAsync(from, stop);

    public ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default) =>
        real.CommitAsync(outputs.Any(record => record.Partition is not null) ? [.. outputs.Select(Within)] : outputs, position, stop);

    private Record Within(Record record) => record.Partition is not { } at ? record
        : ClusterNumber.Of(at) == cluster ? record with { Partition = ClusterNumber.Within(at) }
        : throw new ArgumentException($"A commit in cluster {cluster} cannot write to partition {at}, which is in cluster {ClusterNumber.Of(at)}.");
}
