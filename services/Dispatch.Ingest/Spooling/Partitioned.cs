using Dispatch.Log;

namespace Dispatch.Ingest.Spooling;

static class Partitioned
{
    /// <summary>Records by the partition that their key puts them in, in their order.</summary>
    /// <exception cref="LogUnavailableException">The log does not know its partitions yet.</exception>
    public static IEnumerable<(TopicPartition Partition, IReadOnlyList<Record> Records)> Of(IEventLog log, IReadOnlyList<Record> records)
    {
        if (records.Count == 1)
        {
            return [(PartitionOf(log, records[0]), records)];
        }

        return records.GroupBy(record => PartitionOf(log, record)).Select(group => (group.Key, (IReadOnlyList<Record>)[.. group])).ToList();
    }

    private static TopicPartition PartitionOf(IEventLog log, Record record) => new(record.Topic, record.Partition ?? Partitioner.Of(record.Key.Span, log.PartitionsOf(record.Topic)));
}
