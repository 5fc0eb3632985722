using System.Diagnostics;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Cli.Gameday;

namespace Dispatch.Bench.Outages;

/// <summary>
/// How long transactional messages take from their POST to the provider's receipt beside a campaign backlog that drains, against an empty system: the same process, provider and
/// pace. The backlog was spooled while the broker was away, so that it comes through the spool, the Router and the dispatcher, and to the same provider. It is measured from when the
/// backlog reaches the provider (getting there after an outage is what `drain` measures), and some of it must be left when the last sample is taken, or it is a fault. Times are the
/// provider's own, in its book, as whole milliseconds.
/// </summary>
sealed class UrgentBenchmark : IBenchmark
{
    private const double PerSecond = 200; // 6 000 samples in the 30 s that a side has by default
    private const int Recipients = 100; // of a campaign POST
    private const long WarmUpPosts = 300;
    private const long PacePosts = 200; // to find out what the whole system carries
    private const double BacklogPart = 3; // of what it carries in a run: it has to last, also where samples come late
    private const string Device = "urgent";
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10); // this class has partitions, lanes and connections of its own

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly List<DateTimeOffset> _posted = []; // by number
    private Sample? _unloaded;

    public string Unit => "us to the p99";

    public Task PrepareAsync(TimeSpan run, CancellationToken stop) => Task.CompletedTask;

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await using var system = await BrokenSystem.StartAsync(_folder, Recipients, stop);
        var urgent = system.Load(NotificationBody.Of("transactional", Device, recipients: 1), Posting);
        await system.CountAsync(system.Campaign.RunAsync(WarmUpPosts, stop));
        await system.CountAsync(urgent.RunAsync(PerSecond, Samples(WarmUp), stop), recipients: 1);
        await system.SettleAsync(stop);
        var carried = await CarriedAsync(system, stop);
        var unloadedFrom = urgent.Sent;
        await system.CountAsync(urgent.RunAsync(PerSecond, Samples(run), stop), recipients: 1);
        await system.SettleAsync(stop);

        await system.SpoolAsync((long)Math.Ceiling(carried * run.TotalSeconds * BacklogPart / Recipients), stop);
        var received = await system.Sandbox.ReceivedAsync(SandboxSide.Push, stop);
        var resumes = await system.ReturnAsync(stop);
        var backlog = await system.WaitingAsync(stop) * Recipients;
        var resumed = await resumes;
        await BrokenSystem.UntilAsync(async () => !await system.IsOutAsync(stop), "the outage is over", stop);
        await BrokenSystem.UntilAsync(async () => await system.Sandbox.ReceivedAsync(SandboxSide.Push, stop) > received, "the backlog reaches the provider", stop);
        var (began, loadedFrom, from) = (await system.WaitingAsync(stop), urgent.Sent, DateTimeOffset.UtcNow);
        await system.CountAsync(urgent.RunAsync(PerSecond, Samples(run), stop), recipients: 1);
        var (spooled, ended) = (await system.WaitingAsync(stop), DateTimeOffset.UtcNow);
        await system.SettleAsync(stop);

        var faults = await system.FaultsAsync(stop);
        var books = Oracle.Read(system.Sandbox.OracleFolder).Where(it => it.Accepted).ToLookup(it => it.Recipient.StartsWith(Device, StringComparison.Ordinal));
        var (waiting, left) = (books[false].Count(it => it.At > from), books[false].Count(it => it.At > ended));
        var receipts = books[true].GroupBy(it => NotificationBody.NumberOf(it.Recipient)).ToDictionary(it => it.Key, it => it.Min(one => one.At));
        _unloaded = SampleOf([.. Latencies(receipts, unloadedFrom, loadedFrom)], [], []);
        return SampleOf(
            [.. Latencies(receipts, loadedFrom, urgent.Sent)],
            new() { ["carried_per_s"] = carried, ["backlog"] = backlog, ["router_resumed_ms"] = resumed.TotalMilliseconds, ["left_at_first"] = waiting, ["left_at_last"] = left, ["spooled_posts_at_first"] = began, ["spooled_posts_at_last"] = spooled },
            left > 0 ? faults : [.. faults, "the backlog did not last"]);
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => Task.FromResult(_unloaded ?? throw new InvalidOperationException("it is measured before the backlog is made"));

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <returns>Campaign messages a second from their POST to the provider: a backlog shrinks by that.</returns>
    private static async Task<double> CarriedAsync(BrokenSystem system, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        var posted = await system.CountAsync(system.Campaign.RunAsync(PacePosts, stop));
        await system.SettleAsync(stop);
        return posted.Accepted * Recipients / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    /// <summary>So many, and not for so long: what is late would else be left out.</summary>
    private static Func<bool> Samples(TimeSpan run)
    {
        var left = (long)(PerSecond * run.TotalSeconds);
        return () => Interlocked.Decrement(ref left) >= 0;
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
