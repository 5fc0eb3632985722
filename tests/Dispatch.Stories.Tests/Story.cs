using System.Diagnostics;
using Dispatch.Cli.Gameday;
using Xunit.Abstractions;

[assembly: CollectionBehavior(MaxParallelThreads = 3)] // most of a story is waiting

namespace Dispatch.Stories.Tests;

/// <summary>Real processes, real protocols, and the providers' own logs as the judge. What a story measured is printed, also when it passed.</summary>
public abstract class Story(ITestOutputHelper output) : IAsyncLifetime
{
    protected static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(90);
    protected static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(90);

    private readonly string _data = Path.Combine(Path.GetTempPath(), $"dispatch-story-{Guid.NewGuid():N}");

    protected string Data => _data;

    protected void Tell(string line) => output.WriteLine(line);

    protected async Task<Verdict> JudgeAsync(Session session, int inFlightWindow = 0)
    {
        var loaded = Stopwatch.GetTimestamp();
        await session.SettleAsync(SettlePatience, _ => { }, default);
        Tell($"settled {Stopwatch.GetElapsedTime(loaded).TotalSeconds:0.0} s after the load");
        var verdict = await session.VerdictAsync(default, inFlightWindow);
        Tell($"accepted {verdict.Accepted}, lost {verdict.Lost.Count}, unsettled {verdict.Unsettled}, duplicates {verdict.Duplicates.Count}, sent again {verdict.Repeats}, cap violations {verdict.CapViolations}, errors {session.Load.Errors}");
        Tell(string.Join(", ", verdict.States.Where(it => it.Value > 0).Select(it => $"{it.Key} {it.Value}")));
        foreach (var open in await session.OpenAsync(5, default))
        {
            Tell($"not at an end: {open}");
        }

        verdict.Lost.ShouldBeEmpty(session.System.LastLines);
        verdict.Unsettled.ShouldBe(0, session.System.LastLines);
        verdict.Duplicates.ShouldBeEmpty();
        verdict.CapViolations.ShouldBe(0);
        return verdict;
    }

    protected async Task StatsMatchAsync(Session session)
    {
        var stats = await session.StatsMatchAsync(default);
        Tell($"statistics: {stats.Detail}");
        stats.Match.ShouldBeTrue(stats.Detail);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }

        return Task.CompletedTask;
    }
}
