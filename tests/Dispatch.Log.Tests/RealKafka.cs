using Confluent.Kafka;
using Dispatch.Log.Kafka;
using Dispatch.Testing;

[assembly: CollectionBehavior(MaxParallelThreads = 4)] // they wait for brokers more than they compute

namespace Dispatch.Log.Tests;

/// <summary>The one broker of this process; its topics are made anew for each test, so tests that use it run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class RealKafka
{
    public const string Name = "real Kafka";

    public static async Task<KafkaOptions> MakeAnewAsync(params string[] topics)
    {
        var options = await EmptyAsync(topics);
        using var made = new TopicAdmin(options, topics);
        await Eventually.HoldsAsync(async () =>
        {
            await made.ApplyAsync(await made.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
            return (await made.CompareAsync(CancellationToken.None)).Count == 0;
        });
        return options;
    }

    /// <summary>Without any topic.</summary>
    public static async Task<KafkaOptions> EmptyAsync(params string[] topics)
    {
        var brokers = await KafkaCluster.OneAsync();
        var options = new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1, SessionTimeout = TimeSpan.FromSeconds(6) };
        using var admin = Admin(options);
        var there = Names(admin).Where(name => !name.StartsWith("__", StringComparison.Ordinal)).ToList();
        if (there.Count > 0)
        {
            await admin.DeleteTopicsAsync(there);
            await Eventually.HoldsAsync(() => !Names(admin).Intersect(there).Any());
        }

        return options;
    }

    public static IAdminClient Admin(KafkaOptions options) => new AdminClientBuilder(ClientSettings.Common(options)).Build();

    private static IEnumerable<string> Names(IAdminClient admin) => admin.GetMetadata(TimeSpan.FromSeconds(10)).Topics.Select(topic => topic.Topic);
}
