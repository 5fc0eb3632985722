using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

/// <summary>Providers that ask for a pause get it, whatever waits; and all of it goes out afterwards.</summary>
[Collection(Quiet.Name)]
public sealed class BrownoutStory(ITestOutputHelper output) : Story(output)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(6);

    /// <summary>What was on its way when the provider asked may still arrive.</summary>
    private static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("fcm", "throttle", 108)]
    [InlineData("apns", "unavailable", 109)]
    public async Task Nothing_is_sent_before_retry_after_has_passed(string provider, string mode, int seed)
    {
        await using var session = new Session(Data, seed);
        await session.StartAsync(StartPatience, default);
        var plan = session.Plan.Requests(600).ToList();
        await session.Load.RunAsync(plan.Take(200), connections: 4, persistent: false);
        await session.SandboxAsync("/settings", new JsonObject { ["provider"] = provider, ["mode"] = mode, ["retry_after_s"] = RetryAfter.TotalSeconds }, default);
        await session.Load.RunAsync(plan.Skip(200).Take(200), connections: 4, persistent: false);
        await Task.Delay(RetryAfter / 2);
        await session.SandboxAsync("/settings", new JsonObject { ["provider"] = provider, ["mode"] = "normal", ["retry_after_s"] = Session.RetryAfterSeconds }, default);
        await session.Load.RunAsync(plan.Skip(400), connections: 4, persistent: false);
        await JudgeAsync(session);
        await StatsMatchAsync(session);

        var receipts = Oracle.Read(session.Host.Oracle).Where(it => it.Provider == provider).OrderBy(it => it.At).ToList();
        var asked = receipts.First(it => it.Status is "429" or "503" && !it.Recipient.StartsWith("retry-", StringComparison.Ordinal) && !it.Recipient.StartsWith("busy-", StringComparison.Ordinal)).At;
        var early = receipts.Count(it => it.At > asked + OnItsWay && it.At < asked + RetryAfter - TimeSpan.FromMilliseconds(200));
        Tell($"{provider} asked for {RetryAfter.TotalSeconds} s; {receipts.Count(it => it.At >= asked && it.At <= asked + OnItsWay)} were on their way, {early} came too early");
        early.ShouldBe(0);
    }

    [Fact]
    public async Task Connections_that_are_sent_away_lose_and_double_nothing()
    {
        await using var session = new Session(Data, seed: 110);
        await session.StartAsync(StartPatience, default);
        var load = session.Load.RunAsync(session.Plan.Requests(800), connections: 8, persistent: false);
        while (!load.IsCompleted)
        {
            await session.SandboxAsync("/goaway", new JsonObject { ["provider"] = "apns" }, default);
            await session.SandboxAsync("/goaway", new JsonObject { ["provider"] = "fcm" }, default);
            await Task.WhenAny(load, Task.Delay(200));
        }

        await load;
        await JudgeAsync(session);
        await StatsMatchAsync(session);
    }
}
