using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>The topics of a cluster and how many partitions each has, and the log's identity.</summary>
sealed record Layout(string ClusterId, IReadOnlyDictionary<string, int> Partitions)
{
    /// <exception cref="KeyNotFoundException">No such topic.</exception>
    public int Of(string topic) => Partitions.TryGetValue(topic, out var count) ? count : throw new KeyNotFoundException($"The log has no topic '{topic}'.");

    /// <exception cref="InvalidOperationException">A topic is missing, or the log has no identity yet.</exception>
    /// <exception cref="KafkaException">The brokers did not answer in time.</exception>
    public static async Task<Layout> ReadAsync(KafkaOptions options, IEnumerable<string> topics, TimeSpan timeOut, CancellationToken stop)
    {
        var there = await Task.Factory.StartNew(() => Topics(options, timeOut), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var missing = topics.Append(ProgressTopic.Name).Where(topic => !there.ContainsKey(topic)).ToArray();
        if (missing.Length > 0)
        {
            throw new InvalidOperationException($"Kafka at {options.Brokers} lacks {missing.Length} topics ({string.Join(", ", missing)}). `./dispatch topics --apply` makes them.");
        }

        var identity = await new ProgressTopic(options, there[ProgressTopic.Name]).FindAsync(ProgressTopic.IdentityKey, stop)
            ?? throw new InvalidOperationException($"The log on Kafka at {options.Brokers} has no identity. `./dispatch topics --apply` gives it one.");
        return new Layout(Contracts.LogIdentity.Parser.ParseFrom(identity).ClusterId, there);
    }

    private static Dictionary<string, int> Topics(KafkaOptions options, TimeSpan timeOut)
    {
        using var admin = new AdminClientBuilder(ClientSettings.Common(options)).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        return admin.GetMetadata(timeOut).Topics.Where(topic => topic.Partitions.Count > 0).ToDictionary(topic => topic.Topic, topic => topic.Partitions.Count, StringComparer.Ordinal);
    }
}
