using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>The clients' settings by role. Source: librdkafka's CONFIGURATION.md, and measurements on Apache Kafka 4.3 (docs/adr/0011-kafka-as-the-log.md).</summary>
static class ClientSettings
{
    public const int MessageBytesMax = Record.StoredBytesMax + (128 * 1024);
    private const int GatheredBytes = 256 * 1024;
    public static readonly TimeSpan TransactionTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Idempotent, and without a time-out: a record that is given up in flight makes the client begin a new epoch and send its neighbours again under it, which may be there already. Who cannot
    /// wait looks at the age of acknowledgements instead.
    /// </summary>
    public static ProducerConfig Producer(KafkaOptions options) => new(Common(options))
    {
        Acks = Acks.All,
        EnableIdempotence = true,
        MessageTimeoutMs = 0,
        LingerMs = 1,
        CompressionType = CompressionType.Lz4,
        MessageMaxBytes = MessageBytesMax,
        QueueBufferingMaxKbytes = 256 * 1024,
        QueueBufferingMaxMessages = 500_000,
    };

    /// <summary>A frozen owner's open transaction holds up readers until its time-out. With the default back-off each commit took 100 ms, because the one before was still being completed.</summary>
    public static ProducerConfig Transactions(KafkaOptions options, string id)
    {
        var config = Producer(options);
        config.TransactionalId = id;
        config.TransactionTimeoutMs = (int)TransactionTimeout.TotalMilliseconds;
        config.MessageTimeoutMs = config.TransactionTimeoutMs;
        config.RetryBackoffMs = 10;
        return config;
    }

    /// <summary>A member of a group. Positions are explicit: nothing is committed, stored or reset behind our back.</summary>
    public static ConsumerConfig Member(KafkaOptions options, Group group)
    {
        var config = Reader(options, group.Name);
        if (group.Gather > TimeSpan.Zero)
        {
            config.FetchWaitMaxMs = (int)group.Gather.TotalMilliseconds;
            config.FetchMinBytes = GatheredBytes; // else a broker answers each fetch with the first record that comes
        }

        config.SessionTimeoutMs = (int)options.SessionTimeout.TotalMilliseconds;
        config.HeartbeatIntervalMs = Math.Min(1_000, config.SessionTimeoutMs.Value / 6);
        config.MaxPollIntervalMs = 300_000;
#if LIBRDKAFKA_SYSTEM
        config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.Range; // 2.0 can lose its whole assignment, or circle, in cooperative rebalances; fixed in 2.6 and 2.10
#else
        config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky;
#endif
        return config;
    }

    /// <summary>Reads what it assigns to itself.</summary>
    public static ConsumerConfig Reader(KafkaOptions options, string group = "dispatch.none") => new(Common(options))
    {
        GroupId = group,
        IsolationLevel = IsolationLevel.ReadCommitted,
        EnableAutoCommit = false,
        EnableAutoOffsetStore = false,
        AutoOffsetReset = AutoOffsetReset.Error,
        EnablePartitionEof = true,
        FetchWaitMaxMs = 100,
        FetchErrorBackoffMs = 100,
        QueuedMaxMessagesKbytes = 32 * 1024,
        CheckCrcs = !options.IsStandIn,
    };

    /// <summary>Sees records of open transactions too: only its watermarks are of use.</summary>
    public static ConsumerConfig Uncommitted(KafkaOptions options)
    {
        var config = Reader(options);
        config.IsolationLevel = IsolationLevel.ReadUncommitted;
        return config;
    }

    public static ClientConfig Common(KafkaOptions options)
    {
        var config = new ClientConfig(options.Client.ToDictionary(it => it.Key, it => it.Value, StringComparer.Ordinal))
        {
            BootstrapServers = options.Brokers,
            ClientId = "dispatch",
            SocketTimeoutMs = 4_000, // with brokers that notice in 3 s that one has gone, a write stalls for 4 s instead of 10
            ReconnectBackoffMaxMs = 1_000,
        };
        config.Set("log.connection.close", "false");
        return config;
    }
}
