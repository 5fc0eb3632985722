using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Kafka;

namespace Dispatch.Host;

/// <summary>`topics`: says what differs from what the promises need, and mends it when told to.</summary>
static class TopicsCommand
{
    private const string Help = """
        dispatch topics [--apply] [--add-partitions] [--kafka HOST:PORT[,...]] [--data DIR]

          Compares the topics on Kafka with what the promises need, and lists what differs, cluster by cluster. Changes nothing without --apply.

          --apply             makes topics that are missing and sets settings that differ
          --add-partitions    with --apply: adds partitions, too. Keys move to other partitions: records of one recipient may overtake one another meanwhile

          Settings: Dispatch:Kafka:Brokers, :Partitions (8), :Replication (3), :Retention (7 days), :Client:NAME for security.protocol, sasl.* and the like; from the data folder's
          dispatch.json, the environment (Dispatch__Kafka__Brokers=...) or arguments (--Dispatch:Kafka:Partitions=...). More clusters: Dispatch:Kafka:Clusters:NUMBER:Name and :Brokers, and
          any of the others.

          Exit code: 0 nothing differs, 2 something does, 1 it could not be found out.
        """;

    /// <summary>Arguments without a value, which the configuration's reader has no notion of.</summary>
    public static IReadOnlyList<string> Flags { get; } = ["--apply", "--add-partitions", "--help", "-h"];

    public static async Task<int> RunAsync(string[] args, IConfiguration configuration)
    {
        var (apply, grow) = (args.Contains("--apply"), args.Contains("--add-partitions"));
        if (args.Any(it => it is "--help" or "-h"))
        {
            await Console.Out.WriteLineAsync(Help);
            return 0;
        }

        if (!KafkaClusters.AreConfigured(configuration) || configuration["Dispatch:Kafka:Brokers"] == LocalKafka.Auto)
        {
            await Console.Error.WriteLineAsync("dispatch: topics are of Kafka, and none is configured: --kafka HOST:PORT, or Dispatch:Kafka:Brokers");
            return 1;
        }

        var clusters = KafkaClusters.Of(configuration);
        var worst = 0;
        foreach (var cluster in clusters)
        {
            if (clusters.Count > 1)
            {
                await Console.Out.WriteLineAsync($"cluster {cluster.Name} (number {cluster.Number}) at {cluster.Brokers}:");
            }

            worst = await RunAsync(cluster, apply, grow) is var code && (code == 1 || worst == 0) ? code : worst;
        }

        return worst;
    }

    private static async Task<int> RunAsync(KafkaOptions cluster, bool apply, bool grow)
    {
        try
        {
            using var topics = new TopicAdmin(cluster, Topics.All);
            var differences = await topics.CompareAsync(CancellationToken.None);
            await TellAsync(differences);
            if (!apply || differences.Count == 0)
            {
                return differences.Count == 0 ? 0 : 2;
            }

            await topics.ApplyAsync(differences, grow, CancellationToken.None);
            var left = await topics.CompareAsync(CancellationToken.None);
            await Console.Out.WriteLineAsync($"applied {differences.Count - left.Count} of {differences.Count}");
            await TellAsync(left);
            return left.Count == 0 ? 0 : 2;
        }
        catch (LogUnavailableException e)
        {
            await Console.Error.WriteLineAsync($"dispatch: {e.Message}");
            return 1;
        }
    }

    private static async Task TellAsync(IReadOnlyList<TopicDifference> differences)
    {
        foreach (var difference in differences)
        {
            await Console.Out.WriteLineAsync($"{(difference.BreaksPromise ? "! " : "  ")}{difference}");
        }

        await Console.Out.WriteLineAsync(differences.Count == 0 ? "the topics are as they should be" : $"{differences.Count} differences, {differences.Count(it => it.BreaksPromise)} of them (!) break a promise: services do not use the log until they are mended");
    }
}
