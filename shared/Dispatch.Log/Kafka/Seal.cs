using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Brokers that come back can forget the marks of a transaction that they had acknowledged (KAFKA-20734): its records stay undecided for ever, and readers stop before them. The next transaction of
/// the same id that is decided in the same partitions decides them with it. So after an outage an empty one is put behind the last acknowledged: docs/adr/0014-seals.md.
/// </summary>
sealed class Seal(KafkaOptions options, Member member, TransactionalProducer producer, ILogger log)
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);

    /// <summary>Returns when all that these commits wrote is decided, in all partitions: as their position is.</summary>
    /// <param name="commits">Of one transaction, which was acknowledged, or may have been.</param>
    /// <returns>false: their position is back where it was, because a later transaction of the same id was aborted and took it along. So the records are aborted, too.</returns>
    /// <exception cref="OperationCanceledException">The owner closes; nothing is known.</exception>
    public bool Put(IReadOnlyCollection<PendingCommit> commits)
    {
        log.Sealing(member.Group.Name, commits.Count);
        while (true)
        {
            var isUndone = IsUndone(commits.Last());
            if (Try(commits, isUndone))
            {
                producer.IsTroubled = false;
                return !isUndone && !IsUndone(commits.Last()); // asked again: brokers that were away could not say
            }

            producer.Rest();
        }
    }

    private bool IsUndone(PendingCommit last)
    {
        using var reader = Clients.Consumer(ClientSettings.Reader(options, member.Group.Name)).Build();
        try
        {
            return reader.Committed([new Confluent.Kafka.TopicPartition(last.Partition.Id.Topic, last.Partition.Id.Partition)], CallTime)[0].Offset < last.Position.Next;
        }
        catch (KafkaException)
        {
            return false; // the position is undecided itself, or nobody answers
        }
    }

    private bool Try(IReadOnlyCollection<PendingCommit> commits, bool isUndone)
    {
        try
        {
            producer.Begin();
            var partitions = commits.SelectMany(commit => commit.Outputs.Select(member.Place).Append(member.Progress.PartitionOf(ProgressTopic.PositionKey(member.Group.Name, commit.Partition.Id)))).ToHashSet();
            foreach (var partition in partitions)
            {
                producer.Produce(partition, Messages.Seal());
            }

            // A position that nobody reads, in the partition of positions; and not as a member, whom the group may refuse.
            using var reader = Clients.Consumer(ClientSettings.Reader(options, member.Group.Name)).Build();
            producer.SendOffsets([new TopicPartitionOffset(ProgressTopic.Name, 0, 0)], () => reader.ConsumerGroupMetadata);
            if (isUndone)
            {
                producer.Abort();
            }
            else
            {
                producer.Commit();
            }

            return true;
        }
        catch (KafkaTxnRequiresAbortException)
        {
            producer.Abort();
            return false;
        }
        catch (KafkaException e)
        {
            producer.Replace(e.Error.Reason);
            return false;
        }
    }
}
