using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dispatch.Cli.Gameday;
using Dispatch.Testing;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>From one cluster to another as the runbook has it (docs/runbooks/cluster-migration.md): shift, drain, remove.</summary>
[Collection(MigrationStories.Name)]
public sealed partial class MigrationStory(TwoClusters deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private const double Rate = PerSecond / 4; // two processors are shared with six brokers and up to eight services
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    [SeparateFact]
    public Task Traffic_moves_to_another_cluster_and_the_old_one_is_taken_away_under_load() => PlayAsync(seed: 209, Rate, async session =>
    {
        using var operate = new HttpClient { BaseAddress = Deployment.Api };
        operate.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Deployment.FirstKey);
        Mark("divert all to east, a canary of 10 % for 10 s first");
        using var answer = await operate.PostAsJsonAsync("/v1/operate/divert", new { weights = "east=1", canary_percent = 10, canary_seconds = 10, reason = "migration", owner = "story", expires_in_seconds = 3_600 });
        answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        await Eventually.HoldsAsync(async () => await ShareOfEastAsync(operate) == 1, Patience);
        Mark("everything new goes to east");
        await GoesThroughAsync(session);
        await Eventually.HoldsAsync(async () => await WaitingAsync("main") == 0, Patience);
        Mark("main has drained, and is taken out of the settings");
        Deployment.TakeMainOut();
        var second = Deployment.Add("ingest"); // so that callers find one while the other is released
        try
        {
            await second.StartAsideAsync(StartPatience);
            foreach (var instance in Deployment.Instances.Where(it => it != second))
            {
                Mark($"releasing {instance.Name}");
                await Deployment.ReleaseAsync(instance);
            }
        }
        finally
        {
            await Deployment.RemoveAsync(second);
        }

        Mark("nobody knows main any more; its brokers end");
        await Task.WhenAll(Deployment.Brokers.Nodes.Select(node => node.StopAsync()));
        await GoesThroughAsync(session);
        Mark("east alone carries everything");
    });

    private static async Task<double> ShareOfEastAsync(HttpClient operate) =>
        (double)(await operate.GetFromJsonAsync<JsonNode>("/v1/operate/divert"))!["clusters"]!.AsArray().Single(it => (string?)it!["name"] == "east")!["current"]!;

    /// <summary>What no group has passed yet, by all that read.</summary>
    private async Task<long> WaitingAsync(string cluster)
    {
        var waiting = 0L;
        using var http = new HttpClient();
        foreach (var instance in Deployment.Instances)
        {
            foreach (Match line in BacklogLine().Matches(await http.GetStringAsync(new Uri(instance.Admin, "/metrics"))))
            {
                waiting += line.Groups["labels"].Value.Contains($"\"{cluster}\"", StringComparison.Ordinal) ? long.Parse(line.Groups["value"].Value, CultureInfo.InvariantCulture) : 0;
            }
        }

        return waiting;
    }

    [GeneratedRegex(@"^dispatch_log_backlog\{(?<labels>[^}]*)\} (?<value>\d+)", RegexOptions.Multiline)]
    private static partial Regex BacklogLine();
}
