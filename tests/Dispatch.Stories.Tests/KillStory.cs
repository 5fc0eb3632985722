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
        var load = session.Load.RunAsync(session.Plan.Requests(2_000), connections: 8, persistent: true);
        var random = new Random(101);
        for (var kill = 0; kill < Kills; kill++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300, 1_500)));
            await session.Host.KillAsync();
            await session.Host.StartAsync(StartPatience);
        }

        await load;
        // What was in flight when a dispatcher died may be sent again: at most its lanes' windows, each time (invariant I2).
        var verdict = await JudgeAsync(session, inFlightWindow: Kills * InFlightMax);
        verdict.Accepted.ShouldBe(2_000);
        session.Load.Errors.ShouldBe(0);
    }

    /// <summary>Of the default lanes together, bounded by what one connection of the load can have in flight.</summary>
    private const int InFlightMax = 64;
}
