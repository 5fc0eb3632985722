using System.Diagnostics;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

public sealed class KilledServiceStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly string[] Dispatchers = ["push", "email", "sms"];

    /// <summary>Callers repeat what was not answered, with its key. Only while Ingest itself is down do they find nobody.</summary>
    [SeparateFact]
    public Task Each_service_killed_in_turn_loses_nothing() => PlayAsync(seed: 201, perSecond: PerSecond, async session =>
    {
        foreach (var name in (string[])["ingest", "router", .. Dispatchers, "feedback"])
        {
            var unreachable = session.Load.Unreachable;
            Mark($"kill -9 {name}");
            await Deployment[name].KillAsync();
            var killed = Stopwatch.GetTimestamp();
            await Deployment[name].StartAsync(StartPatience);
            Tell($"{name} ready again after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
            await GoesThroughAsync(session);
            (name == "ingest" || session.Load.Unreachable == unreachable).ShouldBeTrue("only Ingest may be missed by callers");
        }
    }, inFlightWindow: Dispatchers.Length * InFlightMax, alwaysOpen: false);
}
