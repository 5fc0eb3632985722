using System.Collections.Concurrent;
using System.Security.Cryptography;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>What one transaction writes: kept until the next is acknowledged, because brokers that come back can lose parts of one that they had acknowledged.</summary>
sealed class Transaction
{
    private readonly Dictionary<Confluent.Kafka.TopicPartition, List<Message<byte[], byte[]>>> _records = [];
    private readonly ConcurrentDictionary<Confluent.Kafka.TopicPartition, long> _places = new();
    private readonly byte[] _id = RandomNumberGenerator.GetBytes(16);

    public Transaction(Member member, IReadOnlyList<PendingCommit> commits)
    {
        Commits = commits;
        foreach (var pending in commits)
        {
            foreach (var output in pending.Outputs)
            {
                Add(member.Place(output), Messages.Of(output));
            }

            ProgressKey = ProgressTopic.PositionKey(member.Group.Name, pending.Partition.Id);
            Add(member.Progress.PartitionOf(ProgressKey), ProgressTopic.Message(ProgressKey, ProgressTopic.Of(pending.Position, _id)));
        }

        // The last position of a partition is the one that counts, and positions come in order.
        Offsets = [.. commits.GroupBy(pending => pending.Partition.Id).Select(of => new TopicPartitionOffset(of.Key.Topic, of.Key.Partition, of.Last().Position.Next))];
    }

    public IReadOnlyList<PendingCommit> Commits { get; }

    /// <summary>`progress` keeps it with the positions: whoever finds it there knows that this happened.</summary>
    public ReadOnlySpan<byte> Id => _id;

    /// <summary>Of the last of its positions.</summary>
    public string ProgressKey { get; } = "";

    /// <summary>Where the group stands with it.</summary>
    public IReadOnlyList<TopicPartitionOffset> Offsets { get; }

    public IReadOnlyCollection<Confluent.Kafka.TopicPartition> Partitions => _records.Keys;

    /// <summary>For each partition, where it is known, the offset of one of its records there. It stands for them all: a partition's part of a transaction is decided as a whole.</summary>
    public IReadOnlyDictionary<Confluent.Kafka.TopicPartition, long> Places => _places;

    public IReadOnlyList<Message<byte[], byte[]>> RecordsOf(Confluent.Kafka.TopicPartition partition) => _records[partition];

    /// <summary>All partitions whose positions it moves are still this member's.</summary>
    public bool IsOurs => Commits.All(commit => commit.Partition.IsAssigned);

    /// <summary>Called by the client's thread. When a partition is written again, the new records are those that count.</summary>
    public void Delivered(TopicPartitionOffset at)
    {
        if (!at.Offset.IsSpecial) // of a record that was sent twice, the brokers may not know any more where it lies
        {
            _places[at.TopicPartition] = at.Offset.Value;
        }
    }

    private void Add(Confluent.Kafka.TopicPartition to, Message<byte[], byte[]> message)
    {
        if (!_records.TryGetValue(to, out var records))
        {
            _records.Add(to, records = []);
        }

        records.Add(message);
    }
}
