using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>Topics that are missing, or are not what the promises need; the message lists them.</summary>
public sealed class TopicsRefusedException : Exception
{
    public TopicsRefusedException(string message)
        : base(message)
    {
    }
}

/// <summary>The topics of a cluster and how many partitions each has, and the log's identity.</summary>
sealed record Layout(string ClusterId, IReadOnlyDictionary<string, int> Partitions, ProgressTopic Progress)
{
    /// <exception cref="KeyNotFoundException">No such topic.</exception>
    public int Of(string topic) => Partitions.TryGetValue(topic, out var count) ? count : throw new KeyNotFoundException($"The log has no topic '{topic}'.");

    /// <exception cref="TopicsRefusedException">A topic is missing or breaks a promise.</exception>
    /// <exception cref="KafkaException">The brokers did not answer in time.</exception>
    /// <exception cref="LogUnavailableException">Nor did they here.</exception>
    public static async Task<Layout> ReadAsync(KafkaOptions options, IReadOnlyCollection<string> topics, TimeSpan timeOut, CancellationToken stop)
    {
        var there = await Task.Factory.StartNew(() => Topics(options, timeOut), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (!options.IsStandIn)
        {
            await CheckAsync(options, topics, stop);
        }

        var progress = new ProgressTopic(options, there[ProgressTopic.Name]);
        try
        {
            var identity = await progress.FindAsync(ProgressTopic.IdentityKey, stop);
            return new Layout(Contracts.LogIdentity.Parser.ParseFrom(identity).ClusterId, there, progress);
        }
        catch
        {
            progress.Dispose();
            throw;
        }
    }

    private static async Task CheckAsync(KafkaOptions options, IReadOnlyCollection<string> topics, CancellationToken stop)
    {
        using var admin = new TopicAdmin(options, topics);
        var broken = (await admin.CompareAsync(stop)).Where(difference => difference.BreaksPromise).ToList();
        if (broken.Count > 0)
        {
            throw new TopicsRefusedException($"The topics do not keep the promises; `./dispatch topics` says how to mend them. {string.Join("; ", broken.Take(5))}{(broken.Count > 5 ? $"; and {broken.Count - 5} more" : "")}");
        }
    }

    private static Dictionary<string, int> Topics(KafkaOptions options, TimeSpan timeOut)
    {
        using var admin = new AdminClientBuilder(ClientSettings.Common(options)).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        return admin.GetMetadata(timeOut).Topics.Where(topic => topic.Partitions.Count > 0).ToDictionary(topic => topic.Topic, topic => topic.Partitions.Count, StringComparer.Ordinal);
    }
}
