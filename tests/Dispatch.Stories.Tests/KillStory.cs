using System.Diagnostics;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

public sealed class KillStory(ITestOutputHelper output) : Story(output)
{
    private const int Kills = 10;

    /// <summary>Callers repeat what was not answered, with its key, as the API tells them to.</summary>
    [Fact]
    public async Task A_host_killed_ten_times_under_load_loses_nothing()
    {
        await using var session = new Session(Data, seed: 101);
        await session.StartAsync(StartPatience, default);
        using var enough = new CancellationTokenSource();
        var load = session.Load.RunAsync(session.Plan.Requests(RequestsMax).TakeWhile(_ => !enough.IsCancellationRequested), connections: 2, persistent: true);
        var random = new Random(101);
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = session.Load.Promised.Count;
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300, 1_500)));
            await session.Host.KillAsync();
            var killed = Stopwatch.GetTimestamp();
            await session.Host.StartAsync(StartPatience);
            Tell($"kill {kill + 1}: {session.Load.Promised.Count - before} more accepted, ready again after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
        }

        await enough.CancelAsync();
        await load;
        // What was in flight when a dispatcher died may be sent again: at most its lanes' windows, each time (invariant I2).
        var verdict = await JudgeAsync(session, inFlightWindow: Kills * InFlightMax);
        verdict.Accepted.ShouldBe(session.Load.Posted);
        session.Load.Errors.ShouldBe(0);
    }

    private const int RequestsMax = 20_000;

    /// <summary>Of the default lanes together, bounded by what one connection of the load can have in flight.</summary>
    private const int InFlightMax = 64;
}
