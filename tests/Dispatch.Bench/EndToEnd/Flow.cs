using System.Diagnostics;
using System.Text.Json.Nodes;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;
using Dispatch.Store.Private;

namespace Dispatch.Bench.EndToEnd;

/// <summary>
/// From POSTs of 100 recipients to the providers, through the whole system in one process with its PostgreSQL and two caps. Each run is a fresh process that is warmed up first and
/// empties before it is measured; so many POSTs, as fast as eight connections take them, so that a run ends with nothing under way. Judged by the message ids that the providers
/// wrote down: a message lost or doubled is a fault, and so is an answer that is not 202. Latencies are of the POSTs.
/// </summary>
static class Flow
{
    public const int Connections = 8;
    public const int InFlight = 500; // as `push`
    public const int MailConnections = 20; // as `email`
    private const int RateGuess = 8_000; // messages
    public static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(30); // it compiles for so long, the more the fewer cores there are: it is not what is measured
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1); // for a message too many

    /// <param name="data">The run's own folder.</param>
    /// <param name="settings">Of the log.</param>
    /// <param name="broker">That the log is on; null: it is in files.</param>
    /// <returns>From the first POST until the ledger has everything, too. Processor time is that of the product and its PostgreSQL; the broker's is a figure of its own.</returns>
    public static async Task<Sample> MeasureAsync(SandboxSide sandbox, string data, IEnumerable<string> settings, BrokerSide? broker, TimeSpan run, CancellationToken stop)
    {
        await sandbox.ResetAsync(TimeSpan.Zero, stop);
        var since = DateTimeOffset.UtcNow;
        await using var host = await HostSide.StartAsync(
            data, [.. Lanes.Apns(0, sandbox.Apns, sandbox.Credentials, InFlight), .. Lanes.Smtp(1, sandbox.MailPort, MailConnections), .. settings], stop);
        await CapAsync(host, stop);
        var ending = new Ending(sandbox, host, new PrivateServer(Path.Combine(data, "postgres")));
        var load = new HttpLoad(host.Port, Connections, new Posts(host.ApiKey, CampaignBody.Text).Make);

        var warm = await load.RunAsync(PostsIn(WarmUp), stop);
        await ending.ReachAsync(warm.Accepted, stop);
        var (before, brokerBefore, syncs, began) = (ending.Cpu, broker?.Cpu, await host.Process.SyncsAsync(stop), Stopwatch.GetTimestamp());
        var measured = await load.RunAsync(PostsIn(run), stop);
        await ending.ReachAsync(warm.Accepted + measured.Accepted, stop);
        var (elapsed, after, messages) = (Stopwatch.GetElapsedTime(began), ending.Cpu, measured.Accepted * CampaignBody.Messages);
        var brokerTook = broker?.Cpu - brokerBefore;
        syncs = await host.Process.SyncsAsync(stop) - syncs;
        var (own, postgres) = (after.Host - before.Host, after.Postgres - before.Postgres);
        List<(string, TimeSpan)> costs = [("host", own / messages), ("postgres", postgres / messages)];
        await Parts.TellAsync(brokerTook is { } took ? [.. costs, ("broker (not in the sum)", took / messages)] : costs);

        await Task.Delay(Afterwards, stop);
        return new Sample(
            messages, elapsed, own + postgres, syncs, measured.Latencies,
            [.. warm.Faults, .. measured.Faults, .. await ending.FaultsAsync(warm.Accepted + measured.Accepted, since, stop)])
        {
            Figures = FiguresOf(messages, own + postgres, brokerTook),
        };
    }

    private static Dictionary<string, double> FiguresOf(long messages, TimeSpan product, TimeSpan? broker)
    {
        var figures = new Dictionary<string, double> { ["messages_per_cpu_s"] = messages / product.TotalSeconds };
        if (broker is { } took)
        {
            figures["messages_per_cpu_s_with_broker"] = messages / (product + took).TotalSeconds;
            figures["broker_cpu_us_per_message"] = took.TotalMicroseconds / messages;
        }

        return figures;
    }

    /// <summary>The two of `caps`: one over everything, and a tighter one for the label that all messages carry.</summary>
    private static async Task CapAsync(HostSide host, CancellationToken stop)
    {
        await host.PostAsync("/v1/caps", new JsonObject { ["kind"] = "global", ["classes"] = new JsonArray("campaign"), ["limit"] = 10, ["window_seconds"] = 7 * 86_400 }, stop);
        await host.PostAsync(
            "/v1/caps",
            new JsonObject { ["kind"] = "label", ["subject"] = CampaignBody.Label, ["classes"] = new JsonArray("campaign"), ["limit"] = 4, ["window_seconds"] = 86_400 }, stop);
    }

    private static long PostsIn(TimeSpan run) => (long)(run.TotalSeconds * RateGuess / CampaignBody.Messages);
}
