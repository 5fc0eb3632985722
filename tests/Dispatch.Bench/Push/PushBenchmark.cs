using System.Globalization;
using Dispatch.Bench.Sides;
using Dispatch.Testing;

namespace Dispatch.Bench.Push;

/// <summary>
/// Notifications from a filled topic through the whole dispatcher (pool, lane, journal, shipper) to the Sandbox, against .NET's HTTP client, one HTTP/2 connection with TLS each.
/// The first seconds of each run warm up and do not count. Counted by the Sandbox: one message too few or too many is a fault, and so is one without an outcome.
/// </summary>
/// <param name="latency">Between a request and its answer.</param>
/// <param name="inFlight">Streams at once, for both sides.</param>
sealed class PushBenchmark(TimeSpan latency, int inFlight) : IBenchmark
{
    private const int RateGuess = 20_000;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1); // for a message too many

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private SandboxSide _sandbox = null!;
    private int _runs;

    public string Unit => "messages/s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        _sandbox = await SandboxSide.StartAsync(Path.Combine(_folder, "sandbox"), stop);
        await BaselineAsync(TimeSpan.FromSeconds(1), stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        await _sandbox.ResetAsync(latency, stop);
        var (data, admin, messages) = (Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture)), FreePorts.One(), Messages(WarmUp + run));
        Sample sample;
        await using (var side = await SideProcess.StartAsync(
            admin,
            [
                "push", $"--Bench:Messages={messages}", $"--Dispatch:Data={data}", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}",
                .. Lanes.Apns(0, _sandbox.Apns, _sandbox.Credentials, inFlight),
            ],
            stop))
        {
            var before = new Histogram([]);
            sample = await MeasureAsync(messages, () => side.Cpu, async () => before = await side.AttemptsAsync(stop), stop);
            sample = sample with { Syncs = await side.SyncsAsync(stop) * sample.Count / messages, Attempts = (await side.AttemptsAsync(stop)).Since(before) };
        }

        var outcomes = await FilledTopic.OutcomesAsync(data, stop);
        return outcomes == messages ? sample : sample with { Faults = [.. sample.Faults, $"{messages} messages, {outcomes} outcomes"] };
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        await _sandbox.ResetAsync(latency, stop);
        var messages = Messages(WarmUp + run);
        using var client = new PlainClient(_sandbox.Apns, _sandbox.Credentials);
        var sending = client.SendAsync(messages, inFlight, stop);
        var sample = await MeasureAsync(messages, () => ProcessorTime.Self, () => Task.CompletedTask, stop);
        await sending;
        return client.Refused == 0 ? sample : sample with { Faults = [.. sample.Faults, $"{client.Refused} answers were not 200"] };
    }

    public async ValueTask DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<Sample> MeasureAsync(long messages, Func<TimeSpan> cpu, Func<Task> warmed, CancellationToken stop)
    {
        var (warm, before) = (Messages(WarmUp), TimeSpan.Zero);
        var took = await _sandbox.TakesAsync(SandboxSide.Push, warm, messages, WarmedAsync, stop);
        var used = cpu() - before;
        await Task.Delay(Afterwards, stop);
        return new Sample(messages - warm, took ?? TimeSpan.MaxValue, used, 0, [], await _sandbox.FaultsAsync(SandboxSide.Push, messages, stop));

        Task WarmedAsync()
        {
            before = cpu();
            return warmed();
        }
    }

    private static long Messages(TimeSpan run) => (long)(run.TotalSeconds * RateGuess);
}
