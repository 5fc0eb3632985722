using System.Diagnostics;

namespace Dispatch.Bench.Outages;

/// <summary>
/// How long the spool takes to empty after an outage, against arithmetic. Before: the peak rate R at which campaign POSTs are accepted. Then the broker is killed, so many seconds of R
/// are posted into the spool, and the broker comes back while a quarter of R keeps arriving, so that the backlog can shrink by R - R/4 a second at best if R is all that the
/// machine can do. From the broker's first answer; latencies are of what keeps arriving. All in one process and one run, and once: it is minutes of work.
/// </summary>
sealed class DrainBenchmark : IBenchmark
{
    private const double Arriving = 0.25;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(15); // it compiles for so long
    private static readonly TimeSpan PeakRun = TimeSpan.FromSeconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private Sample? _bound;

    public string Unit => "ms";

    public Task PrepareAsync(TimeSpan run, CancellationToken stop) => Task.CompletedTask;

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await using var system = await BrokenSystem.StartAsync(_folder, recipients: 1, stop);
        await system.CountAsync(system.Campaign.RunAsync(WarmUp, stop));
        await system.SettleAsync(stop);
        var full = await system.CountAsync(system.Campaign.RunAsync(PeakRun, stop));
        var peak = full.Accepted / full.Elapsed.TotalSeconds;
        await system.SettleAsync(stop);
        await Console.Error.WriteLineAsync($"  peak {peak:N0} POSTs/s; the broker is killed, and {2 * run.TotalSeconds:N0} s of that are posted");
        await system.SpoolAsync((long)(peak * 2 * run.TotalSeconds), stop); // the baseline is arithmetic, so all the time asked for is this one's

        using var isBack = new CancellationTokenSource();
        var meanwhile = system.CountAsync(system.Campaign.RunAsync(peak * Arriving, () => !isBack.IsCancellationRequested, stop));
        var resumes = await system.ReturnAsync(stop);
        var (began, backlog, cpu) = (Stopwatch.GetTimestamp(), await system.WaitingAsync(stop), system.Host.Process.Cpu);
        await isBack.CancelAsync();
        await meanwhile;

        using var isDone = new CancellationTokenSource();
        var arriving = system.CountAsync(system.Campaign.RunAsync(peak * Arriving, () => !isDone.IsCancellationRequested, stop));
        await BrokenSystem.UntilAsync(async () => await system.WaitingAsync(stop) == 0, "the spool is empty", stop);
        var (empty, posted) = (Stopwatch.GetElapsedTime(began), system.Campaign.Sent);
        await BrokenSystem.UntilAsync(async () => await system.RoutedAsync(stop) >= posted, "the Router has passed what was spooled", stop);
        var (passed, used) = (Stopwatch.GetElapsedTime(began), system.Host.Process.Cpu - cpu);
        var resumed = await resumes;
        await isDone.CancelAsync();
        var arrived = await arriving;
        await system.SettleAsync(stop);

        var bound = TimeSpan.FromSeconds(backlog / (peak - (peak * Arriving)));
        _bound = new Sample((long)bound.TotalMilliseconds, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, [], []);
        return new Sample((long)passed.TotalMilliseconds, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, arrived.Latencies, await system.FaultsAsync(stop))
        {
            Figures = new Dictionary<string, double>
            {
                ["peak_per_s"] = peak,
                ["backlog"] = backlog,
                ["spool_empty_ms"] = empty.TotalMilliseconds,
                ["router_resumed_ms"] = resumed.TotalMilliseconds,
                ["router_passed_ms"] = passed.TotalMilliseconds,
                ["spool_empty_ratio"] = empty / bound,
                ["host_cpu_s"] = used.TotalSeconds,
                ["arrived"] = arrived.Latencies.Count,
            },
        };
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => Task.FromResult(_bound ?? throw new InvalidOperationException("the bound follows from what was measured"));

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
