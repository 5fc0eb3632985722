using Dispatch.Log;
using Dispatch.Log.Clusters;

namespace Dispatch.Ingest.Spooling;

static class Partitioned
{
    /// <summary>Records by the partition that their key puts them in now, in their order, and set to its cluster: weights that move meanwhile move later ones.</summary>
    /// <exception cref="LogUnavailableException">The log does not know its partitions yet.</exception>
    public static IEnumerable<(TopicPartition Partition, IReadOnlyList<Record> Records)> Of(IEventLog log, IReadOnlyList<Record> records)
    {
        if (records.Count == 1)
        {
            return [Of(log.PlaceOf(records[0]), records)];
        }

        return records.GroupBy(log.PlaceOf).Select(group => Of(group.Key, group)).ToList();
    }

    private static (TopicPartition, IReadOnlyList<Record>) Of(TopicPartition partition, IEnumerable<Record> records) =>
        (partition, [.. records.Select(record => record with { Cluster = ClusterNumber.Of(partition.Partition) })]);
}
