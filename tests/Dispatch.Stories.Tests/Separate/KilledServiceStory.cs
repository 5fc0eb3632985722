using System.Diagnostics;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

public sealed class KilledServiceStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly string[] Dispatchers = ["push", "email", "sms"];

    /// <summary>Of Ingest there are two, as for anybody who cares: what the killed one had not answered, callers repeat at the other, with its key.</summary>
    [SeparateFact]
    public Task Each_service_killed_in_turn_loses_nothing() => PlayAsync(seed: 201, perSecond: PerSecond * 2 / 3, async session =>
    {
        var second = Deployment.Add("ingest");
        try
        {
            await second.StartAsideAsync(StartPatience);
            foreach (var name in (string[])["ingest", "router", .. Dispatchers, "feedback"])
            {
                var unreachable = session.Load.Unreachable;
                Mark($"kill -9 {name}");
                await Deployment[name].KillAsync();
                var killed = Stopwatch.GetTimestamp();
                await Deployment[name].StartAsideAsync(StartPatience);
                Tell($"{name} ready again after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
                await GoesThroughAsync(session);
                (name == "ingest" || session.Load.Unreachable == unreachable).ShouldBeTrue("only Ingest may be missed by callers");
            }
        }
        finally
        {
            await Deployment.RemoveAsync(second);
        }
    }, inFlightWindow: Dispatchers.Length * InFlightMax);
}
