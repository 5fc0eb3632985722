using System.Diagnostics;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;

namespace Dispatch.Bench.Outages;

/// <summary>The whole system in one process, with its log on one real broker that can be taken away, and the Sandbox as its provider.</summary>
sealed class BrokenSystem : IAsyncDisposable
{
    private const int Connections = 64; // as `ingest`
    private const int InFlight = 500; // as `push`
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100); // it is the product that answers: often enough would be a load of its own
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Stillness = TimeSpan.FromMinutes(2); // groups that lost their brokers join again first
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1); // for a message too many

    private readonly DateTimeOffset _since = DateTimeOffset.UtcNow;
    private readonly List<string> _faults = [];
    private long _accepted;

    private readonly int _recipients;

    private BrokenSystem(SandboxSide sandbox, BrokerSide broker, HostSide host, int recipients)
    {
        (Sandbox, Broker, Host, _recipients) = (sandbox, broker, host, recipients);
        Campaign = Load(NotificationBody.Of("campaign", "device", recipients), number => { });
    }

    public SandboxSide Sandbox { get; }

    public BrokerSide Broker { get; }

    public HostSide Host { get; }

    public HttpLoad Campaign { get; }

    /// <param name="folder">Empty; its owner deletes it.</param>
    /// <param name="recipients">Of each campaign POST.</param>
    public static async Task<BrokenSystem> StartAsync(string folder, int recipients, CancellationToken stop)
    {
        var started = new Stack<IAsyncDisposable>();
        try
        {
            var sandbox = await SandboxSide.StartAsync(Path.Combine(folder, "sandbox"), stop);
            started.Push(sandbox);
            var broker = await BrokerSide.StartAsync(Path.Combine(folder, "kafka"), stop);
            started.Push(broker);
            var host = await HostSide.StartAsync(Path.Combine(folder, "data"), [.. Lanes.Apns(0, sandbox.Apns, sandbox.Credentials, InFlight), .. broker.Settings], stop);
            return new BrokenSystem(sandbox, broker, host, recipients);
        }
        catch
        {
            while (started.TryPop(out var one))
            {
                await one.DisposeAsync(); // processes would outlive this one
            }

            throw;
        }
    }

    /// <param name="posting">Told the number of each POST as it leaves.</param>
    public HttpLoad Load(string body, Action<long> posting)
    {
        var posts = new Posts(Host.ApiKey, body);
        return new HttpLoad(Host.Port, Connections, number =>
        {
            posting(number);
            return posts.Make(number);
        });
    }

    public Task<HttpLoadResult> CountAsync(Task<HttpLoadResult> campaign) => CountAsync(campaign, _recipients);

    /// <summary>Every answer other than 202 is a fault, also while the broker is away.</summary>
    public async Task<HttpLoadResult> CountAsync(Task<HttpLoadResult> load, int recipients)
    {
        var result = await load;
        _accepted += result.Accepted * recipients;
        _faults.AddRange(result.Faults);
        return result;
    }

    /// <summary>Starts the broker, and returns when it answers.</summary>
    /// <returns>When the Router had decided the first message since; it joins its group again first.</returns>
    public async Task<Task<TimeSpan>> ReturnAsync(CancellationToken stop)
    {
        var routed = await RoutedAsync(stop);
        await Broker.StartAgainAsync(stop);
        var since = Stopwatch.GetTimestamp();
        return ResumedAsync();

        async Task<TimeSpan> ResumedAsync()
        {
            await UntilAsync(async () => await RoutedAsync(stop) > routed, "the Router goes on", stop);
            return Stopwatch.GetElapsedTime(since);
        }
    }

    /// <summary>Takes the broker away, and posts so many campaign notifications meanwhile.</summary>
    public async Task SpoolAsync(long posts, CancellationToken stop)
    {
        await Broker.KillAsync(stop);
        await CountAsync(Campaign.RunAsync(posts, stop));
    }

    /// <summary>Records in the spool.</summary>
    public async Task<long> WaitingAsync(CancellationToken stop) => (long)await Host.Process.MetricAsync("dispatch_ingest_spool_waiting", stop);

    /// <summary>Ingest holds the broker to be away.</summary>
    public async Task<bool> IsOutAsync(CancellationToken stop) =>
        await Host.Process.MetricAsync("dispatch_ingest_outage", stop) > 0 || await Host.Process.MetricAsync("dispatch_ingest_outage_partitions", stop) > 0;

    /// <summary>Messages that the Router has decided, of all classes.</summary>
    public async Task<long> RoutedAsync(CancellationToken stop) => (long)await Host.Process.MetricAsync("dispatch_router_messages", stop);

    /// <exception cref="TimeoutException">It never came true.</exception>
    public static async Task UntilAsync(Func<Task<bool>> reached, string what, CancellationToken stop)
    {
        for (var since = Stopwatch.GetTimestamp(); !await reached(); await Task.Delay(Look, stop))
        {
            if (Stopwatch.GetElapsedTime(since) > Patience)
            {
                throw new TimeoutException($"not within {Patience}: {what}");
            }
        }
    }

    /// <summary>Until the provider has everything, or nothing moves any more: <see cref="FaultsAsync"/> says what is missing.</summary>
    public Task SettleAsync(CancellationToken stop) => Sandbox.TakesAsync(SandboxSide.Push, 0, _accepted, () => Task.CompletedTask, stop, Stillness);

    /// <summary>After it has settled: every message that was accepted reached the provider, once.</summary>
    public async Task<IReadOnlyList<string>> FaultsAsync(CancellationToken stop)
    {
        await Task.Delay(Afterwards, stop);
        return [.. _faults, .. await Sandbox.FaultsAsync(SandboxSide.Push, _accepted, stop), .. Sandbox.ReceiptFaults(_accepted, _since)];
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Broker.DisposeAsync();
        await Sandbox.DisposeAsync();
    }
}
