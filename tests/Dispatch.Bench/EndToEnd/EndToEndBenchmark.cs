using System.Globalization;
using System.Text.Json.Nodes;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;
using Dispatch.Store.Private;

namespace Dispatch.Bench.EndToEnd;

/// <summary>
/// From POSTs of 100 recipients to the providers, through the whole system in one process with its PostgreSQL and two caps, against the sum of what the parts cost without it.
/// The figure is messages per second of processor time: the parts would never run on one machine at one moment, but what each takes of it adds up. It is that of the product
/// and its PostgreSQL, until the ledger has everything too; providers and load generator are processes of their own.
/// Each run is a fresh process that is warmed up first and empties before it is measured; so many POSTs, as fast as eight connections take them, so that a run ends with
/// nothing under way. Judged by the message ids that the providers wrote down: a message lost or doubled is a fault, and so is an answer that is not 202.
/// Latencies are of the POSTs.
/// </summary>
/// <param name="syncDelay">Added to every sync of the log, as a slower disk would.</param>
sealed class EndToEndBenchmark(TimeSpan syncDelay) : IBenchmark
{
    private const int Connections = 8;
    private const int InFlight = 500; // as `push`
    private const int MailConnections = 20; // as `email`
    private const int RateGuess = 8_000; // messages
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(30); // both sides compile for so long, the more the fewer cores there are: it is not what is measured
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1); // for a message too many

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private SandboxSide _sandbox = null!;
    private Parts _parts = null!;
    private int _runs;

    public string Unit => "messages/CPU s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        _sandbox = await SandboxSide.StartAsync(Path.Combine(_folder, "sandbox"), stop);
        _parts = await Parts.StartAsync(_sandbox, Path.Combine(_folder, "parts"), Connections, InFlight, MailConnections, stop);
        await _parts.MeasureAsync(WarmUp, stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await _sandbox.ResetAsync(TimeSpan.Zero, stop);
        var (since, data) = (DateTimeOffset.UtcNow, Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture)));
        await using var host = await HostSide.StartAsync(
            data,
            [
                .. Lanes.Apns(0, _sandbox.Apns, _sandbox.Credentials, InFlight), .. Lanes.Smtp(1, _sandbox.MailPort, MailConnections),
                $"--Dispatch:Log:SyncDelay={syncDelay.ToString("c", CultureInfo.InvariantCulture)}",
            ],
            stop);
        await CapAsync(host, stop);
        var ending = new Ending(_sandbox, host, new PrivateServer(Path.Combine(data, "postgres")));
        var load = new HttpLoad(host.Port, Connections, new Posts(host.ApiKey, CampaignBody.Text).Make);

        var warm = await load.RunAsync(PostsIn(WarmUp), stop);
        await ending.ReachAsync(warm.Accepted, stop);
        var (before, syncs) = (ending.Cpu, await host.Process.SyncsAsync(stop));
        var measured = await load.RunAsync(PostsIn(run), stop);
        await ending.ReachAsync(warm.Accepted + measured.Accepted, stop);
        var (after, messages) = (ending.Cpu, measured.Accepted * CampaignBody.Messages);
        syncs = await host.Process.SyncsAsync(stop) - syncs;
        var (own, postgres) = (after.Host - before.Host, after.Postgres - before.Postgres);
        await Parts.TellAsync([("host", own / messages), ("postgres", postgres / messages)]);

        await Task.Delay(Afterwards, stop);
        return new Sample(
            messages, own + postgres, own + postgres, syncs, measured.Latencies,
            [.. warm.Faults, .. measured.Faults, .. await ending.FaultsAsync(warm.Accepted + measured.Accepted, since, stop)]);
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => _parts.MeasureAsync(run, stop);

    public async ValueTask DisposeAsync()
    {
        await _parts.DisposeAsync();
        await _sandbox.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
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
