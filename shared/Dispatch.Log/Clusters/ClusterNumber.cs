namespace Dispatch.Log.Clusters;

/// <summary>
/// Every cluster has a number, for ever, and its partitions' numbers begin at a thousand times that: so whatever remembers a partition (journals, positions in the store, parked records)
/// knows the cluster too, and cluster 0 reads as if there were no others.
/// </summary>
public static class ClusterNumber
{
    public const int Max = 99;

    private const int Stride = 1_000; // as many partitions as a topic may have

    public static int Of(int partition) => partition / Stride;

    /// <summary>The partition's number in its own cluster.</summary>
    public static int Within(int partition) => partition % Stride;

    public static int At(int cluster, int partition) => (cluster * Stride) + partition;

    public static TopicPartition At(int cluster, TopicPartition partition) => partition with { Partition = At(cluster, partition.Partition) };

    public static TopicPartition Within(TopicPartition partition) => partition with { Partition = Within(partition.Partition) };
}
