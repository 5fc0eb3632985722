using System.Globalization;
using Dispatch.Contracts;

namespace Dispatch.Log.Kafka;

/// <summary>What a topic has to be like for the promises to hold.</summary>
/// <param name="Config">Broker settings by name, as text.</param>
sealed record TopicSettings(string Name, int Partitions, short Replication, IReadOnlyDictionary<string, string> Config)
{
    private static readonly TimeSpan QuarantineRetention = TimeSpan.FromDays(30); // people look at it, and people have weekends

    /// <summary>Settings without which an acknowledged record can be lost, or read differently by two readers: services do not start on a topic that lacks them.</summary>
    public static IReadOnlySet<string> Promised { get; } = new HashSet<string>(StringComparer.Ordinal) { "min.insync.replicas", "unclean.leader.election.enable", "cleanup.policy", "max.message.bytes" };

    public static IReadOnlyList<TopicSettings> Of(KafkaOptions options, IEnumerable<string> topics) =>
    [
        .. topics.Select(topic => Of(options, topic, options.Partitions, new()
        {
            ["cleanup.policy"] = "delete",
            ["retention.ms"] = Milliseconds(topic == Topics.Quarantine && options.Retention < QuarantineRetention ? QuarantineRetention : options.Retention),
            ["message.timestamp.type"] = "LogAppendTime", // scans begin at a time: it has to ascend
        })),
        Of(options, ProgressTopic.Name, ProgressTopic.PartitionsMade, new()
        {
            ["cleanup.policy"] = "compact",
            ["segment.bytes"] = Text(16 * 1024 * 1024), // what a new owner reads is little more than what was not compacted yet
            ["segment.ms"] = Milliseconds(TimeSpan.FromHours(1)),
            ["min.cleanable.dirty.ratio"] = "0.1",
        }),
    ];

    private static TopicSettings Of(KafkaOptions options, string name, int partitions, Dictionary<string, string> config)
    {
        config["min.insync.replicas"] = Text(Math.Max(1, options.Replication - 1));
        config["unclean.leader.election.enable"] = "false";
        config["max.message.bytes"] = Text(ClientSettings.MessageBytesMax);
        return new TopicSettings(name, partitions, (short)options.Replication, config);
    }

    private static string Milliseconds(TimeSpan span) => Text((long)span.TotalMilliseconds);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
