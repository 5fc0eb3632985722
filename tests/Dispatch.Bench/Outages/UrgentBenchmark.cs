using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Cli.Gameday;

namespace Dispatch.Bench.Outages;

/// <summary>
/// How long transactional messages take from their POST to the provider's receipt beside a campaign backlog that drains, against an empty system: the same process, provider and
/// pace. The backlog was spooled while the broker was away, so that it comes through the spool, the Router and the dispatcher, and to the same provider; some of it must be left when
/// the last sample is taken, or it is a fault. Times are the provider's own, in its book, as whole milliseconds.
/// </summary>
sealed class UrgentBenchmark : IBenchmark
{
    private const double PerSecond = 200; // 6 000 samples in the 30 s that a side has by default
    private const double BacklogPart = 1.5; // of what the peak rate makes in a run: it has to last
    private const string Device = "urgent";
    private static readonly TimeSpan PeakRun = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10); // this class has partitions, lanes and connections of its own

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly List<DateTimeOffset> _posted = []; // by number
    private Sample? _unloaded;

    public string Unit => "us to the p99";

    public Task PrepareAsync(TimeSpan run, CancellationToken stop) => Task.CompletedTask;

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await using var system = await BrokenSystem.StartAsync(_folder, stop);
        var urgent = system.Load(NotificationBody.Of("transactional", Device), Posting);
        var peak = await system.PeakAsync(PeakRun, stop);
        await system.CountAsync(urgent.RunAsync(PerSecond, Within(WarmUp), stop));
        await system.SettleAsync(stop);
        var unloadedFrom = urgent.Sent;
        await system.CountAsync(urgent.RunAsync(PerSecond, Within(run), stop));
        await system.SettleAsync(stop);

        await system.SpoolAsync((long)(peak * run.TotalSeconds * BacklogPart), stop);
        await system.Broker.StartAgainAsync(stop);
        var backlog = await system.WaitingAsync(stop);
        await BrokenSystem.UntilAsync(async () => await system.WaitingAsync(stop) < backlog && !await system.IsOutAsync(stop), "the spool drains", stop);
        var (began, loadedFrom) = (await system.WaitingAsync(stop), urgent.Sent);
        await system.CountAsync(urgent.RunAsync(PerSecond, Within(run), stop));
        var (spooled, ended) = (await system.WaitingAsync(stop), DateTimeOffset.UtcNow);
        await system.SettleAsync(stop);

        var faults = await system.FaultsAsync(stop);
        var books = Oracle.Read(system.Sandbox.OracleFolder).Where(it => it.Accepted).ToLookup(it => it.Recipient.StartsWith(Device, StringComparison.Ordinal));
        var left = books[false].Count(it => it.At > ended);
        var receipts = books[true].GroupBy(it => NotificationBody.NumberOf(it.Recipient)).ToDictionary(it => it.Key, it => it.Min(one => one.At));
        _unloaded = SampleOf([.. Latencies(receipts, unloadedFrom, loadedFrom)], [], []);
        return SampleOf(
            [.. Latencies(receipts, loadedFrom, urgent.Sent)],
            new() { ["peak_per_s"] = peak, ["backlog"] = backlog, ["spooled_at_first"] = began, ["spooled_at_last"] = spooled, ["left_before_provider_at_last"] = left },
            left > 0 ? faults : [.. faults, "the backlog did not last"]);
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => Task.FromResult(_unloaded ?? throw new InvalidOperationException("it is measured before the backlog is made"));

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static Func<bool> Within(TimeSpan run)
    {
        var until = DateTimeOffset.UtcNow + run;
        return () => DateTimeOffset.UtcNow < until;
    }

    private void Posting(long number)
    {
        lock (_posted)
        {
            while (_posted.Count <= number)
            {
                _posted.Add(default);
            }

            _posted[(int)number] = DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()); // as exactly as the provider writes it
        }
    }

    private IEnumerable<TimeSpan> Latencies(Dictionary<long, DateTimeOffset> receipts, long behind, long last)
    {
        for (var number = behind + 1; number <= last; number++)
        {
            if (receipts.TryGetValue(number, out var at)) // one that is missing is among the faults
            {
                yield return at - _posted[(int)number];
            }
        }
    }

    private static Sample SampleOf(List<TimeSpan> latencies, Dictionary<string, double> figures, IReadOnlyList<string> faults)
    {
        var sample = new Sample(0, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, latencies, faults);
        var p99 = sample.LatencyMs(0.99) ?? 0;
        (figures["samples"], figures["p50_ms"], figures["p99_ms"]) = (latencies.Count, sample.LatencyMs(0.5) ?? 0, p99);
        return sample with { Count = (long)(p99 * 1_000), Figures = figures };
    }
}
