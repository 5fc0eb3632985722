using System.ComponentModel.DataAnnotations;
using Dispatch.Log.Clusters;
using Microsoft.Extensions.Options;

namespace Dispatch.Log.Kafka;

/// <summary>One Kafka cluster; see <see cref="KafkaClusters"/>.</summary>
public sealed record KafkaOptions
{
    /// <summary>What people call it, and set its weight by.</summary>
    [Required, RegularExpression("[a-z0-9-]{1,32}")] public string Name { get; init; } = "main";

    /// <summary>For ever that of this cluster and of no other: journals, spools and positions know it by this.</summary>
    [Range(0, ClusterNumber.Max)] public int Number { get; init; }

    /// <summary>Its share of new records, 0 to 100, in parts of the sum over all clusters, while nobody diverts them.</summary>
    [Range(0, 100)] public int Weight { get; init; }

    /// <summary>host:port[,host:port...]: some of the brokers; the others are learned from them.</summary>
    [Required] public string Brokers { get; init; } = "";

    /// <summary>
    /// Settings of librdkafka for every client, for what depends on the deployment: security.protocol, sasl.*, ssl.*. Those that promises depend on (acks, isolation, idempotence, ...)
    /// cannot be set.
    /// </summary>
    public IReadOnlyDictionary<string, string> Client { get; init; } = new Dictionary<string, string>();

    /// <summary>Partitions of a topic, 1 to 1000: how many instances of a service can share its work. Adding some later moves keys to other partitions.</summary>
    [Range(1, 1_000)] public int Partitions { get; init; } = 8;

    /// <summary>Copies of each record, 1 to 9. A write is acknowledged by all copies but one; with fewer than 3, losing a broker stops writes or loses records.</summary>
    [Range(1, 9)] public int Replication { get; init; } = 3;

    /// <summary>How long records are kept, 1 h to 90 days: longer than the longest outage of what reads them, and the settlement after it.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "90.00:00:00")] public TimeSpan Retention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>After how long without a sign of life the group gives a member's partitions to others, 6 s to 5 min.</summary>
    [Range(typeof(TimeSpan), "00:00:06", "00:05:00")] public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long work may take to settle before its partition is handed over nevertheless, 1 s to 4 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:04:00")] public TimeSpan SettleTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The brokers are librdkafka's stand-ins: they cannot look up times, so scans begin at the beginning, and their checksums are wrong.</summary>
    internal bool IsStandIn { get; init; }
}

/// <summary>Generated: checks every attribute of the options.</summary>
[OptionsValidator]
sealed partial class KafkaOptionsValidator : IValidateOptions<KafkaOptions>;
