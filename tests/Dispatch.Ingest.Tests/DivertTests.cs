using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Spooling;
using Dispatch.Ingest.Tests.Spooling;
using Dispatch.Log.Clusters;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatch.Ingest.Tests;

/// <summary>Two clusters of one broker each, and new records that move from one to the other.</summary>
public sealed class DivertTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Without_clusters_there_is_nothing_to_divert_to()
    {
        await using var database = await PostgresServer.CreateDatabaseAsync();
        await using var ingest = await IngestHost.StartAsync(database.ConnectionString);
        var answer = await ingest.PostAsync("/v1/operate/divert", Change("main=1"));
        (answer.Status, answer.Code).ShouldBe((409, "no_clusters"));
        (await ingest.PostAsync("/v1/operate/modes", Mode("main=1"))).Code.ShouldBe("invalid");
    }

    [KafkaFact]
    public async Task A_target_is_tried_gets_a_canary_and_then_everything()
    {
        await using var database = await PostgresServer.CreateDatabaseAsync();
        await using var main = await Broker.StartAsync();
        await using var east = await Broker.StartAsync();
        await using var ingest = await StartAsync(database, main, east);

        foreach (var (weights, fault) in new[] { ("west=1", "unknown_cluster"), ("east", "invalid"), ("main=0", "invalid") })
        {
            var refused = await ingest.PostAsync("/v1/operate/divert", Change(weights));
            refused.Status.ShouldBe(400, refused.Text);
            refused.Text.ShouldContain(fault);
        }

        var dry = await ingest.PostAsync("/v1/operate/divert", Change("east=1", ", \"dry_run\": true"));
        dry.Status.ShouldBe(200, dry.Text);
        ((int)dry.Json["preflight"]![0]!["partitions"]!).ShouldBe(Spool.Topics.Count * 2);
        (dry.Json["preflight"]![0]!["fault"], (double)dry.Json["share_moved"]!).ShouldBe((null, 1));
        (await ingest.GetAsync("/v1/operate/divert")).Json["diversion"].ShouldBeNull();

        (await ingest.PostAsync("/v1/operate/divert", Change("east=1", ", \"canary_percent\": 50, \"canary_seconds\": 10"))).Status.ShouldBe(200);
        await Eventually.HoldsAsync(async () => await ShareAsync(ingest, "east") == 0.5);
        await Eventually.HoldsAsync(async () => await ShareAsync(ingest, "east") == 1, Patience);
        await PostAsync(ingest, 20);
        (await ingest.PostAsync("/v1/messages", "{}")).Header("Dispatch-Degraded").ShouldBeEmpty(); // callers feel nothing of it
        (await CountAsync(ingest, cluster: 1)).ShouldBe(20);
        (await CountAsync(ingest, cluster: 0)).ShouldBe(0);

        (await ingest.PostAsync("/v1/operate/modes", Mode(Switches.NotDiverted))).Status.ShouldBe(200);
        await Eventually.HoldsAsync(async () => await ShareAsync(ingest, "main") == 1);
    }

    [KafkaFact]
    public async Task A_target_that_fails_is_refused_and_when_forced_taken_back()
    {
        await using var database = await PostgresServer.CreateDatabaseAsync();
        await using var main = await Broker.StartAsync();
        await using var east = await Broker.StartAsync();
        await using var ingest = await StartAsync(database, main, east);
        await east.Node.KillAsync();

        var refused = await ingest.PostAsync("/v1/operate/divert", Change("east=1"));
        (refused.Status, refused.Code).ShouldBe((409, "preflight_failed"), refused.Text);
        refused.Text.ShouldContain("east");

        (await ingest.PostAsync("/v1/operate/divert", Change("east=1", ", \"force\": true, \"canary_percent\": 50, \"canary_seconds\": 600"))).Status.ShouldBe(200);
        await Eventually.HoldsAsync(async () => await ShareAsync(ingest, "east") == 0.5);
        await PostAsync(ingest, 20);
        await Eventually.HoldsAsync(async () => await ShareAsync(ingest, "main") == 1, TimeSpan.FromSeconds(30));
        await Eventually.HoldsAsync(async () => (await ingest.GetAsync("/v1/operate/modes")).Json["items"]!.AsArray().Count == 0); // the store knows it too
        await Eventually.HoldsAsync(() => ingest.Services.GetRequiredService<Spool>().Records == 0, Patience);
        (await CountAsync(ingest, cluster: 0)).ShouldBe(20);
    }

    private static async Task<IngestHost> StartAsync(TestDatabase database, Broker main, Broker east)
    {
        var ingest = await IngestHost.StartAsync(database.ConnectionString, null, null,
            [.. main.Settings, ("Dispatch:Kafka:Clusters:1:Name", "east"), ("Dispatch:Kafka:Clusters:1:Brokers", east.Address)]);
        await Eventually.HoldsAsync(() => ((ClusteredLog)ingest.Log).Faults.Count == 0, Patience);
        return ingest;
    }

    private static async Task PostAsync(IngestHost ingest, int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await ingest.PostAsync("/v1/messages", Posts.Fine.Replace("@", string.Create(CultureInfo.InvariantCulture, $"{i}@"), StringComparison.Ordinal))).Status.ShouldBe(202);
        }
    }

    private static async Task<double> ShareAsync(IngestHost ingest, string cluster) =>
        (double)(await ingest.GetAsync("/v1/operate/divert")).Json["clusters"]!.AsArray().Single(it => (string?)it!["name"] == cluster)!["current"]!;

    private static async Task<int> CountAsync(IngestHost ingest, int cluster)
    {
        var requests = new HashSet<string>();
        foreach (var partition in Topics.Classes.Select(Topics.Requests).SelectMany(topic => ingest.Log.AllPartitionsOf(topic, openOnly: true)).Where(it => ClusterNumber.Of(it.Partition) == cluster))
        {
            await foreach (var entry in ingest.Log.ScanAsync(partition, DateTimeOffset.UnixEpoch))
            {
                requests.Add(Id.From(Request.Parser.ParseFrom(entry.Value.Span).RequestId.Span).ToText(IdPrefix.Request));
            }
        }

        return requests.Count;
    }

    private static string Change(string weights, string more = "") =>
        $$"""{ "weights": "{{weights}}", "reason": "migration", "owner": "ada", "expires_in_seconds": 3600{{more}} }""";

    private static string Mode(string value) =>
        $$"""{ "switch": "divert", "value": "{{value}}", "reason": "migration", "owner": "ada", "expires_in_seconds": 3600 }""";
}
