namespace Dispatch.Log.Files;

/// <summary>Topics by name and by the number that stands in files.</summary>
sealed class TopicTable
{
    private readonly Dictionary<string, PartitionState[]> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<int, PartitionState[]> _byId = [];

    public TopicTable(IEnumerable<TopicEntry> topics)
    {
        var index = 0;
        foreach (var topic in topics)
        {
            var partitions = new PartitionState[topic.Partitions];
            for (var number = 0; number < partitions.Length; number++)
            {
                partitions[number] = new PartitionState(topic.Name, topic.Id, number, index++);
            }

            _byName.Add(topic.Name, partitions);
            _byId.Add(topic.Id, partitions);
        }

        All = [.. _byId.Values.SelectMany(partitions => partitions)];
    }

    public PartitionState[] All { get; }

    /// <exception cref="KeyNotFoundException">No such topic.</exception>
    public PartitionState[] Of(string topic) => _byName.TryGetValue(topic, out var found) ? found : throw new KeyNotFoundException($"The log has no topic '{topic}'.");

    /// <exception cref="KeyNotFoundException">No such topic or partition.</exception>
    public PartitionState Of(TopicPartition id)
    {
        var partitions = Of(id.Topic);
        return (uint)id.Partition < (uint)partitions.Length ? partitions[id.Partition]
            : throw new KeyNotFoundException($"Topic '{id.Topic}' has {partitions.Length} partitions; there is no number {id.Partition}.");
    }

    /// <returns>Null: a topic that this log does not have.</returns>
    public PartitionState? Find(int topicId, int partition) => _byId.TryGetValue(topicId, out var found) && partition < found.Length ? found[partition] : null;
}
