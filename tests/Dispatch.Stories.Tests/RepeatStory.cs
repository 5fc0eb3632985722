using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests;

public sealed class RepeatStory(ITestOutputHelper output) : Story(output)
{
    [Fact]
    public async Task Every_post_repeated_five_times_with_its_key_is_one_message()
    {
        await using var session = new Session(Data, seed: 105);
        await session.StartAsync(StartPatience, default);
        await session.Load.RunAsync(session.Plan.Requests(500), connections: 8, persistent: false, repeat: 5);
        var verdict = await JudgeAsync(session);
        verdict.Accepted.ShouldBe(500);
        await StatsMatchAsync(session);
        session.Load.Errors.ShouldBe(0);
    }
}
