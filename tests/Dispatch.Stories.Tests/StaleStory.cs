using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

/// <summary>
/// A dispatcher stands still across the edge of a cap's window. What waits for it was routed under places that have lapsed meanwhile, and others have taken
/// places since: sent as it is, it would pass the cap. It must go back through `reroute` and be decided anew.
/// </summary>
[Collection(Quiet.Name)]
public sealed class StaleStory(ITestOutputHelper output) : Story(output)
{
    private const int Limit = 2;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_backlog_that_waited_across_the_edge_of_a_window_passes_no_cap()
    {
        var settings = new Dictionary<string, string>
        {
            ["Dispatch:Freshness:Campaign"] = "00:00:02", ["Dispatch:Freshness:AttemptMax"] = "00:00:02",
        };
        await using var session = new Session(Data, seed: 107, capLimit: Limit, settings) { CapWindow = Window };
        await session.StartAsync(StartPatience, default);
        await session.SwitchAsync("dispatch", "pause", "story: the dispatcher stands still", default, channel: "email");
        await session.Load.RunAsync(Enumerable.Range(0, 10).Select(One), connections: 1, persistent: false);
        await Task.Delay(Window + TimeSpan.FromSeconds(6)); // every place of the first ten has lapsed
        await session.Load.RunAsync(Enumerable.Range(10, 10).Select(One), connections: 1, persistent: false);
        await session.SwitchAsync("dispatch", "run", "story: and goes on", default, channel: "email");
        var verdict = await JudgeAsync(session);
        var sent = verdict.States["sent"] + verdict.States["delivered"];
        sent.ShouldBeInRange(1, Limit, "all of the backlog goes out within one window");
        verdict.States["capped"].ShouldBe(20 - sent);
    }

    private static PlannedRequest One(int i) => new(
        new JsonObject
        {
            ["class"] = "campaign", ["recipients"] = new JsonArray(new JsonObject { ["user_id"] = "the-one", ["email"] = $"the-one-{i}@example.org" }),
            ["content"] = new JsonObject { ["email"] = new JsonObject { ["from"] = "no-reply@shop.example", ["subject"] = $"{i}", ["text"] = "Hello" } },
            ["labels"] = new JsonArray("day107"),
        },
        "the-one", Counts: true);
}
