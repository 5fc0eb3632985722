using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Dispatch.Log.Kafka;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>Topics on a real broker, empty.</summary>
static class Topics
{
    public static async Task MakeAnewAsync(KafkaOptions options, params string[] topics)
    {
        using var admin = new AdminClientBuilder(ClientSettings.Common(options)).Build();
        var there = Names(admin).Where(name => !name.StartsWith("__", StringComparison.Ordinal)).ToList();
        if (there.Count > 0)
        {
            await admin.DeleteTopicsAsync(there);
            await Eventually.HoldsAsync(() => !Names(admin).Intersect(there).Any());
        }

        using var made = new TopicAdmin(options, topics);
        await Eventually.HoldsAsync(async () =>
        {
            await made.ApplyAsync(await made.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
            return (await made.CompareAsync(CancellationToken.None)).Count == 0;
        });
    }

    private static IEnumerable<string> Names(IAdminClient admin) => admin.GetMetadata(TimeSpan.FromSeconds(10)).Topics.Select(topic => topic.Topic);
}
