using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Brokers that come back can forget the marks of a transaction that they had acknowledged (KAFKA-20734): its records stay undecided for ever, and readers stop before them; or the next transaction of
/// the same id, if it is aborted, takes them along. So after an outage an empty transaction is put behind the last acknowledged, which decides all of it, and what cannot be read then is written again:
/// docs/adr/0014-seals.md.
/// </summary>
sealed class Seal(KafkaOptions options, Member member, TransactionalProducer producer, ILogger log)
{
    private const int LooksMax = 6; // of 5 s: longer than a transaction that still has an owner may last
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);

    private readonly ReadBack _readBack = new(options);

    /// <summary>Returns when all that a transaction wrote is decided, in all partitions as its position is.</summary>
    /// <param name="isAcknowledged">It happened, so it is made whole where a part is lost. Otherwise it may have happened: it did if anything of it can be read.</param>
    /// <returns>false: it did not happen, or no longer: its position is back where it was, and so are its records, as far as they were undecided.</returns>
    /// <exception cref="OperationCanceledException">The owner closes; nothing is known.</exception>
    public bool Put(Transaction transaction, bool isAcknowledged)
    {
        log.Sealing(member.Group.Name, transaction.Commits.Count);
        for (var undecided = 0; ;)
        {
            producer.IsTroubled = false; // what comes from here on is looked at again
            var isUndone = IsUndone(transaction);
            var mayRepeat = isAcknowledged && transaction.IsOurs; // who has the partition now begins where the position stands, and writes all of it
            var isSealed = Try(transaction, isCommitted: !isUndone || mayRepeat);
            if (isSealed && Missing(transaction) is { } missing)
            {
                isUndone = IsUndone(transaction); // asked again: brokers that were away could not say
                var isAbsent = missing.Count > 0 && missing.Count == transaction.Places.Count;
                if ((isUndone && !mayRepeat) || (isAbsent && !isAcknowledged))
                {
                    return false;
                }

                if (!isUndone && missing.Count == 0)
                {
                    return true;
                }

                Telemetry.WrittenAgain.Add(missing.Count + (isUndone ? 1 : 0), new KeyValuePair<string, object?>("messaging.consumer.group.name", member.Group.Name));
                log.WrittenAgain(member.Group.Name, missing.Count, transaction.Partitions.Count, isUndone);
                if (!TryAgain(transaction, missing, isUndone))
                {
                    return false;
                }
            }
            else if (isSealed && ++undecided == LooksMax) // our part is decided, so somebody else's is not: waiting on would stop this class for it
            {
                log.NotReadBack(member.Group.Name, LooksMax);
                return !IsUndone(transaction);
            }

            producer.Rest();
        }
    }

    private bool IsUndone(Transaction transaction)
    {
        var last = transaction.Offsets[^1];
        using var reader = Clients.Consumer(ClientSettings.Reader(options, member.Group.Name)).Build();
        try
        {
            return reader.Committed([last.TopicPartition], CallTime)[0].Offset < last.Offset;
        }
        catch (KafkaException)
        {
            return false; // the position is undecided itself, or nobody answers
        }
    }

    /// <returns>null: not all of it is decided, or nobody answers.</returns>
    private IReadOnlyList<Confluent.Kafka.TopicPartition>? Missing(Transaction transaction)
    {
        try
        {
            return _readBack.Missing(transaction.Places);
        }
        catch (KafkaException)
        {
            return null;
        }
    }

    private bool Try(Transaction transaction, bool isCommitted) => Write(
        () =>
        {
            foreach (var partition in transaction.Partitions)
            {
                producer.Produce(partition, Messages.Seal());
            }

            // A position that nobody reads, in the partition of positions; and not as a member, whom the group may refuse.
            using var reader = Clients.Consumer(ClientSettings.Reader(options, member.Group.Name)).Build();
            producer.SendOffsets([new TopicPartitionOffset(ProgressTopic.Name, 0, 0)], () => reader.ConsumerGroupMetadata);
        },
        isCommitted) is null;

    /// <summary>Whether that happened shows when it is looked for.</summary>
    /// <returns>false: the group has moved on, so that the position is another's.</returns>
    private bool TryAgain(Transaction transaction, IReadOnlyList<Confluent.Kafka.TopicPartition> missing, bool withPosition)
    {
        var why = Write(
            () =>
            {
                foreach (var partition in missing)
                {
                    foreach (var record in transaction.RecordsOf(partition))
                    {
                        producer.Produce(partition, record, transaction.Delivered);
                    }
                }

                if (withPosition)
                {
                    producer.SendOffsets(transaction.Offsets, () => member.GroupMetadata);
                }
            },
            isCommitted: true);
        return why is null || !TransactionalProducer.IsFenced(why);
    }

    /// <returns>What went wrong; null: nothing.</returns>
    private Error? Write(Action write, bool isCommitted)
    {
        try
        {
            producer.Begin();
            write();
            if (isCommitted)
            {
                producer.Commit();
            }
            else
            {
                producer.Abort();
            }

            return null;
        }
        catch (KafkaTxnRequiresAbortException e)
        {
            producer.Abort();
            return e.Error;
        }
        catch (KafkaException e)
        {
            producer.Replace(e.Error.Reason);
            return e.Error;
        }
    }
}
