using System.Diagnostics;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

public sealed class BypassStory(ITestOutputHelper output) : Story(output)
{
    [Fact]
    public async Task The_feedback_loop_taken_out_and_put_back_under_load_loses_nothing()
    {
        await using var session = new Session(Data, seed: 102);
        await session.StartAsync(StartPatience, default);
        var plan = session.Plan.Requests(1_500).ToList();
        await session.Load.RunAsync(plan.Take(500), connections: 8, persistent: false);

        await session.SwitchAsync("feedback", "bypass", "story", default);
        await session.Load.RunAsync(plan.Skip(500).Take(500), connections: 8, persistent: false);
        var blind = session.Load.Promised.Count;
        await SentAsync(session, blind);
        (await session.Client.GetAsync("/v1/messages?page_size=1")).Degraded.ShouldNotBeNull().ShouldContain("feedback=bypass");

        await session.SwitchAsync("feedback", "on", "story", default);
        await session.Load.RunAsync(plan.Skip(1_000), connections: 8, persistent: false);
        await JudgeAsync(session);
        await StatsMatchAsync(session);
        session.Load.Errors.ShouldBe(0);
        (await session.Client.GetAsync("/v1/messages?page_size=1")).Degraded.ShouldBeNull();
    }

    /// <summary>Sending does not wait for the loop: the providers have nearly all of it while not one outcome has come back.</summary>
    private async Task SentAsync(Session session, int promised)
    {
        var since = Stopwatch.GetTimestamp();
        var received = 0;
        while (Stopwatch.GetElapsedTime(since) < SettlePatience)
        {
            received = Oracle.Read(session.Host.Oracle).Select(it => it.MessageId).Distinct().Count();
            if (received > promised * 0.7) // the rest is capped
            {
                Tell($"{received} of {promised} at the providers during the bypass, {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s after the last was accepted");
                return;
            }

            await Task.Delay(100);
        }

        received.ShouldBeGreaterThan((int)(promised * 0.7));
    }
}
