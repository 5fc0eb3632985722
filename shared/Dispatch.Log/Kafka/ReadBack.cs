using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>Looks at what readers of committed records get to see of a transaction.</summary>
sealed class ReadBack(KafkaOptions options)
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);

    /// <summary>Waits until each of the partitions is decided at its place.</summary>
    /// <returns>Those in which the record of that place cannot be read: its transaction was aborted there, or the brokers have lost it.</returns>
    /// <exception cref="KafkaException">They were not decided in time, or nobody answers.</exception>
    public IReadOnlyList<Confluent.Kafka.TopicPartition> Missing(IReadOnlyDictionary<Confluent.Kafka.TopicPartition, long> places)
    {
        using var reader = Clients.Consumer(ClientSettings.Reader(options)).Build();
        var open = places.ToDictionary();
        var missing = new List<Confluent.Kafka.TopicPartition>();
        reader.Assign(open.Select(it => new TopicPartitionOffset(it.Key, it.Value)));
        for (var until = BootClock.Milliseconds + (long)CallTime.TotalMilliseconds; open.Count > 0;)
        {
            if (BootClock.Milliseconds > until)
            {
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"{open.Count} partitions could not be read back in {CallTime}"));
            }

            if (Next(reader) is { } seen && open.TryGetValue(seen.Partition, out var place) && seen.PassedOver(place) is { } isMissing)
            {
                reader.IncrementalUnassign([seen.Partition]);
                open.Remove(seen.Partition);
                if (isMissing)
                {
                    missing.Add(seen.Partition);
                }
            }
        }

        return missing;
    }

    private static Seen? Next(IConsumer<byte[], byte[]> reader)
    {
        try
        {
            return reader.Consume(100) is { } result ? new Seen(result.TopicPartition, result.Offset.Value, result.IsPartitionEOF) : null;
        }
        catch (ConsumeException e) when (e.Error.Code == ErrorCode.Local_AutoOffsetReset) // the log is shorter now
        {
            return new Seen(e.ConsumerRecord.TopicPartition, long.MaxValue, IsEnd: true);
        }
    }

    /// <param name="Offset">Of the record that could be read, or of the next one where all that is decided was read.</param>
    private sealed record Seen(Confluent.Kafka.TopicPartition Partition, long Offset, bool IsEnd)
    {
        /// <returns>null: the reader has not come by there yet.</returns>
        public bool? PassedOver(long place) => Offset > place ? true : Offset == place && !IsEnd ? false : null;
    }
}
