using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Dispatch.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Kafka;

/// <summary>Compares a cluster's topics with what they should be like, and makes them so.</summary>
public sealed class TopicAdmin : IDisposable
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(30);

    private readonly KafkaOptions _options;
    private readonly IReadOnlyList<TopicSettings> _wanted;
    private readonly IAdminClient _admin;

    public TopicAdmin(KafkaOptions options, IEnumerable<string> topics)
    {
        _options = options;
        _wanted = TopicSettings.Of(options, topics);
        _admin = new AdminClientBuilder(ClientSettings.Common(options)).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>What differs, nothing when all is well. Changes nothing.</summary>
    /// <exception cref="LogUnavailableException">The brokers did not answer in time.</exception>
    public Task<IReadOnlyList<TopicDifference>> CompareAsync(CancellationToken stop) => AskedAsync(async () =>
    {
        var there = Metadata();
        var configs = await ConfigsAsync([.. _wanted.Select(topic => topic.Name).Where(there.ContainsKey)]);
        List<TopicDifference> differences = [.. _wanted.SelectMany(topic => Compare(topic, there.GetValueOrDefault(topic.Name), configs.GetValueOrDefault(topic.Name)))];
        if (there.TryGetValue(ProgressTopic.Name, out var progress) && await IdentityAsync(progress.Partitions.Count, stop) is null)
        {
            differences.Add(new TopicDifference(ProgressTopic.Name, "identity", null, "a random one", TopicFix.Applied, BreaksPromise: true));
        }

        return (IReadOnlyList<TopicDifference>)differences;
    });

    /// <summary>Makes what it can. What is done already stays done when it fails half-way: it can be repeated.</summary>
    /// <param name="mayMoveKeys">Whether to add partitions, too.</param>
    /// <exception cref="LogUnavailableException">The brokers did not answer in time, or refused.</exception>
    public Task ApplyAsync(IReadOnlyList<TopicDifference> differences, bool mayMoveKeys, CancellationToken stop) => AskedAsync(async () =>
    {
        var byTopic = differences.ToLookup(difference => difference.Topic);
        var missing = _wanted.Where(topic => byTopic[topic.Name].Any(difference => difference.What == "topic")).ToList();
        if (missing.Count > 0)
        {
            await _admin.CreateTopicsAsync(missing.Select(Specification), new CreateTopicsOptions { RequestTimeout = CallTime, OperationTimeout = CallTime });
            await VisibleAsync([.. missing.Select(topic => (topic.Name, topic.Partitions))], stop);
        }

        foreach (var topic in _wanted.Where(topic => byTopic[topic.Name].Any(difference => difference.Fix == TopicFix.Applied && topic.Config.ContainsKey(difference.What))))
        {
            await ConfigureAsync(topic);
        }

        var there = Metadata();
        foreach (var topic in _wanted.Where(topic => mayMoveKeys && byTopic[topic.Name].Any(difference => difference.Fix == TopicFix.MovesKeys)))
        {
            await _admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic.Name, IncreaseTo = topic.Partitions }]);
            await VisibleAsync([(topic.Name, topic.Partitions)], stop);
            await BeginGroupsAsync(topic, there[topic.Name].Partitions.Count, stop);
        }

        var progress = await PartitionsOfProgressAsync(stop);
        if (await IdentityAsync(progress, stop) is null)
        {
            await IdentifyAsync(_options, progress, stop);
        }

        return true;
    });

    public void Dispose() => _admin.Dispose();

    /// <summary>Gives a log its identity: random, once.</summary>
    internal static async Task IdentifyAsync(KafkaOptions options, int partitions, CancellationToken stop)
    {
        using var producer = Clients.Producer(ClientSettings.Producer(options), NullLogger.Instance);
        using var progress = new ProgressTopic(options, partitions);
        await producer.ProduceAsync(progress.PartitionOf(ProgressTopic.IdentityKey), ProgressTopic.Message(ProgressTopic.IdentityKey, new LogIdentity { ClusterId = Guid.NewGuid().ToString("N") }), stop);
    }

    private static async Task<T> AskedAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (KafkaException e)
        {
            throw new LogUnavailableException($"Kafka did not do it: {Reason(e)}", e);
        }
    }

    private static string Reason(KafkaException e) => e switch
    {
        CreateTopicsException created => string.Join("; ", created.Results.Where(result => result.Error.IsError).Select(result => $"{result.Topic}: {result.Error.Reason}")),
        _ => e.Error.Reason,
    };

    private static TopicSpecification Specification(TopicSettings topic) =>
        new() { Name = topic.Name, NumPartitions = topic.Partitions, ReplicationFactor = topic.Replication, Configs = topic.Config.ToDictionary() };

    private static IEnumerable<TopicDifference> Compare(TopicSettings wanted, TopicMetadata? there, IReadOnlyDictionary<string, string>? config)
    {
        if (there is null)
        {
            yield return new TopicDifference(wanted.Name, "topic", null, $"{wanted.Partitions} partitions, {wanted.Replication} copies", TopicFix.Applied, BreaksPromise: true);
            yield break;
        }

        var (partitions, copies) = (there.Partitions.Count, there.Partitions.Min(partition => partition.Replicas.Length));
        if (partitions != wanted.Partitions)
        {
            yield return new TopicDifference(wanted.Name, "partitions", Text(partitions), Text(wanted.Partitions), partitions < wanted.Partitions ? TopicFix.MovesKeys : TopicFix.ByHand, BreaksPromise: false);
        }

        if (copies != wanted.Replication)
        {
            yield return new TopicDifference(wanted.Name, "replication", Text(copies), Text(wanted.Replication), TopicFix.ByHand, BreaksPromise: copies < wanted.Replication);
        }

        foreach (var (name, value) in wanted.Config)
        {
            var actual = config?.GetValueOrDefault(name);
            if (actual != value)
            {
                yield return new TopicDifference(wanted.Name, name, actual, value, TopicFix.Applied, BreaksPromise: TopicSettings.Promised.Contains(name) && !IsStricter(name, actual, value));
            }
        }
    }

    private static bool IsStricter(string name, string? actual, string wanted) =>
        name is "min.insync.replicas" or "max.message.bytes" && long.TryParse(actual, CultureInfo.InvariantCulture, out var number) && number > long.Parse(wanted, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<int> PartitionsOfProgressAsync(CancellationToken stop) => (await VisibleAsync([(ProgressTopic.Name, 1)], stop))[ProgressTopic.Name].Partitions.Count;

    private Dictionary<string, TopicMetadata> Metadata() => _admin.GetMetadata(CallTime).Topics.Where(topic => topic.Partitions.Count > 0).ToDictionary(topic => topic.Topic, StringComparer.Ordinal);

    private async Task<Dictionary<string, IReadOnlyDictionary<string, string>>> ConfigsAsync(IReadOnlyCollection<string> topics)
    {
        if (topics.Count == 0)
        {
            return [];
        }

        var described = await _admin.DescribeConfigsAsync(topics.Select(Resource), new DescribeConfigsOptions { RequestTimeout = CallTime });
        return described.ToDictionary(of => of.ConfigResource.Name, of => (IReadOnlyDictionary<string, string>)of.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.Value, StringComparer.Ordinal), StringComparer.Ordinal);
    }

    /// <summary>The call replaces all of a topic's own settings: what it has besides is read and written with them.</summary>
    private async Task ConfigureAsync(TopicSettings topic)
    {
        var described = await _admin.DescribeConfigsAsync([Resource(topic.Name)], new DescribeConfigsOptions { RequestTimeout = CallTime });
        var own = described[0].Entries.Values.Where(entry => entry.Source == ConfigSource.DynamicTopicConfig && !topic.Config.ContainsKey(entry.Name)).Select(entry => new ConfigEntry { Name = entry.Name, Value = entry.Value });
        await _admin.AlterConfigsAsync(
            new() { [Resource(topic.Name)] = [.. own, .. topic.Config.Select(it => new ConfigEntry { Name = it.Key, Value = it.Value })] }, new AlterConfigsOptions { RequestTimeout = CallTime });
    }

    private static ConfigResource Resource(string topic) => new() { Type = ResourceType.Topic, Name = topic };

    /// <param name="before">Partitions that it had; where groups stand in those is not touched.</param>
    private async Task BeginGroupsAsync(TopicSettings topic, int before, CancellationToken stop)
    {
        using var progress = new ProgressTopic(_options, await PartitionsOfProgressAsync(stop));
        foreach (var (group, topics) in await progress.GroupsAsync(stop))
        {
            if (topics.Contains(topic.Name))
            {
                await Declarations.AddAsync(_options, progress, group, [.. Enumerable.Range(before, topic.Partitions - before).Select(n => new TopicPartition(topic.Name, n))], NullLogger.Instance, stop);
            }
        }
    }

    private async Task<byte[]?> IdentityAsync(int partitions, CancellationToken stop)
    {
        using var progress = new ProgressTopic(_options, partitions);
        return await progress.FindAsync(ProgressTopic.IdentityKey, stop);
    }

    /// <summary>Brokers learn of new topics one after the other.</summary>
    private async Task<Dictionary<string, TopicMetadata>> VisibleAsync(IReadOnlyCollection<(string Name, int Partitions)> topics, CancellationToken stop)
    {
        for (var until = BootClock.Milliseconds + (long)CallTime.TotalMilliseconds; ;)
        {
            var there = Metadata();
            if (topics.All(topic => there.TryGetValue(topic.Name, out var found) && found.Partitions.Count >= topic.Partitions && found.Partitions.All(partition => partition.Leader >= 0)))
            {
                return there;
            }

            if (BootClock.Milliseconds > until)
            {
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, "new topics have no leaders yet"));
            }

            await Task.Delay(100, stop);
        }
    }
}
