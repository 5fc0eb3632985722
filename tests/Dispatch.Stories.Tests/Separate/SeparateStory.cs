using System.Diagnostics;
using Dispatch.Cli.Gameday;
using Dispatch.Testing;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>What stories on a deployment have in common: a load that goes on while something happens, and the verdict after it.</summary>
[Collection(DeploymentStories.Name)]
public abstract class SeparateStory(Deployment deployment, ITestOutputHelper output) : Story(output)
{
    protected const int RequestsMax = 100_000;

    /// <summary>Requests, of 1.3 messages: so that two processors shared with three brokers and a dozen starting processes leave callers something.</summary>
    protected const double PerSecond = 10;

    /// <summary>What one dispatcher has in flight at most at the stories' rate, slow addresses included: the window of invariant I2.</summary>
    protected const int InFlightMax = 64;

    private const int WarmUpRoundsMax = 6;
    private static readonly TimeSpan RepairPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan WarmUpRound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AcceptMax = TimeSpan.FromMilliseconds(500);

    protected Deployment Deployment => deployment;

    /// <summary>Posts at this rate while <paramref name="happens"/> runs, and judges.</summary>
    /// <param name="inFlightWindow">How many messages may be doubled, as invariant I2 allows for what happens.</param>
    /// <param name="alwaysOpen">An API is there all the time, so no caller may wait for an answer, either.</param>
    protected async Task<Verdict> PlayAsync(int seed, double perSecond, Func<Session, Task> happens, int inFlightWindow = 0, bool alwaysOpen = true)
    {
        await using var session = new Session(deployment, seed);
        await session.StartAsync(StartPatience, default);
        using var enough = new CancellationTokenSource();
        var load = session.Load.PaceAsync(session.Plan.Requests(RequestsMax), perSecond, enough.Token);
        try
        {
            await GoesThroughAsync(session);
            await WarmUpAsync(session);
            await happens(session);
        }
        finally
        {
            await enough.CancelAsync();
            await load;
        }

        var repaired = Stopwatch.GetTimestamp();
        Tell($"callers: {session.Load.Posted} requests, {session.Load.Errors} errors {session.Load.LastRefusal}, {session.Load.Unreachable} posts found nobody; {session.Load.Latencies}");
        var verdict = await JudgeAsync(session, inFlightWindow);
        verdict.Accepted.ShouldBe(session.Load.Posted);
        await StatsEqualAsync(session, repaired);
        session.Load.Errors.ShouldBe(0, session.Load.LastRefusal);
        if (alwaysOpen)
        {
            session.Load.Latencies.Quantile(0.99).ShouldBeLessThan(AcceptMax, session.Load.Latencies.ToString());
        }

        return verdict;
    }

    /// <summary>Returns when messages that were accepted from now on have reached the providers of every channel.</summary>
    protected async Task GoesThroughAsync(Session session)
    {
        var since = Stopwatch.GetTimestamp();
        var before = session.Load.Promised.Select(it => it.MessageId).ToHashSet();
        await Eventually.HoldsAsync(
            () => Oracle.Read(deployment.Oracle).Where(it => it.Accepted && !before.Contains(it.MessageId) && session.Owns(it)).Select(it => it.Provider).Distinct().Count() == 4,
            StartPatience);
        Tell($"new messages reach all providers after {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s");
    }

    /// <summary>Services and brokers that have just started compile what they are asked for the first time: what a system in use answers is measured when that is over.</summary>
    private async Task WarmUpAsync(Session session)
    {
        var rounds = 0;
        do
        {
            session.Load.Latencies.Clear();
            await Task.Delay(WarmUpRound);
            Tell($"callers, before anything happens: {session.Load.Latencies}");
        }
        while (session.Load.Latencies.Quantile(0.99) > AcceptMax / 2 && ++rounds < WarmUpRoundsMax);
        session.Load.Latencies.Clear();
    }

    /// <summary>What happened, with its moment, for the timeline.</summary>
    protected void Mark(string what) => Tell($"{DateTime.UtcNow:HH:mm:ss.f} {what}");

    private async Task StatsEqualAsync(Session session, long repaired)
    {
        while (!(await session.StatsMatchAsync(default)).Match && Stopwatch.GetElapsedTime(repaired) < RepairPatience)
        {
            await Task.Delay(500);
        }

        Tell($"statistics looked at {Stopwatch.GetElapsedTime(repaired).TotalSeconds:0.0} s after the load");
        await StatsMatchAsync(session);
    }
}
