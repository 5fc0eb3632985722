using System.Globalization;
using Dispatch.Bench.Load;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Bench.Ingest;

/// <summary>
/// Durable 202s of Ingest with its log and its PostgreSQL, against Kestrel and a JSON parser, over as many connections and with the same bytes.
/// Each run is a fresh process that is warmed up first. Counted in the log after the process has gone: one request too few or too many is a fault.
/// </summary>
/// <param name="syncDelay">Added to every sync of the log, as a slower disk would.</param>
sealed class IngestBenchmark(TimeSpan syncDelay) : IBenchmark
{
    private const int Connections = 64;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10); // a fresh process compiles for so long: it is not what is measured
    private static readonly string[] Requests = [.. Topics.Classes.Select(Topics.Requests)];

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private int _runs;

    public string Unit => "requests/s";

    public Task PrepareAsync(TimeSpan run, CancellationToken stop) => Task.CompletedTask;

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        var data = Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture));
        var delay = $"--Dispatch:Log:SyncDelay={syncDelay.ToString("c", CultureInfo.InvariantCulture)}";
        var (sample, accepted) = await RunAsync("ingest", [$"--Dispatch:Data={data}", delay], () => File.ReadAllText(Path.Combine(data, "secrets", "first-key")).Trim(), run, stop);
        var kept = await KeptAsync(Path.Combine(data, "log"), stop);
        return kept == accepted ? sample : sample with { Faults = [.. sample.Faults, $"{accepted} requests were accepted, the log has {kept}"] };
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => (await RunAsync("bare", [], () => "none", run, stop)).Sample;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <returns>And how many were accepted in all, with those of the warm-up.</returns>
    private static async Task<(Sample Sample, long Accepted)> RunAsync(string part, IEnumerable<string> settings, Func<string> apiKey, TimeSpan run, CancellationToken stop)
    {
        var (port, admin) = (FreePorts.One(), FreePorts.One());
        await using var side = await SideProcess.StartAsync(
            admin, [part, .. settings, $"--Dispatch:Listen=http://127.0.0.1:{port}", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}"], stop);
        await OpenPort.WaitAsync(port, stop);
        var load = new HttpLoad(port, Connections, new Posts(apiKey(), SingleBody.Text).Make);
        var warm = await load.RunAsync(WarmUp, stop);
        var (cpu, syncs) = (side.Cpu, await side.MetricAsync("dispatch_log_syncs", stop));
        var measured = await load.RunAsync(run, stop);
        return (
            new Sample(
                measured.Accepted, measured.Elapsed, side.Cpu - cpu, (long)(await side.MetricAsync("dispatch_log_syncs", stop) - syncs), measured.Latencies,
                [.. warm.Faults, .. measured.Faults]),
            warm.Accepted + measured.Accepted);
    }

    private static async Task<long> KeptAsync(string folder, CancellationToken stop)
    {
        await using var log = FileLog.Open(new FileLogOptions { Folder = folder }, Topics.All, NullLogger.Instance);
        var kept = 0L;
        foreach (var topic in Requests)
        {
            for (var partition = 0; partition < log.PartitionsOf(topic); partition++)
            {
                kept += await log.EndAsync(new TopicPartition(topic, partition), stop);
            }
        }

        return kept;
    }
}
