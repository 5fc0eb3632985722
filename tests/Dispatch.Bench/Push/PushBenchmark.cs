using System.Diagnostics;
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
                "--Dispatch:Lanes:0:Name=sandbox", "--Dispatch:Lanes:0:Provider=apns", $"--Dispatch:Lanes:0:Endpoint={_sandbox.Apns}",
                $"--Dispatch:Lanes:0:TeamId={Sandbox.Credentials.ApnsTeamId}", $"--Dispatch:Lanes:0:KeyId={Sandbox.Credentials.ApnsKeyId}",
                $"--Dispatch:Lanes:0:KeyFile={_sandbox.Credentials.ApnsKeyFile}", $"--Dispatch:Lanes:0:TrustFile={_sandbox.Credentials.CaFile}", $"--Dispatch:Lanes:0:InFlightMax={inFlight}",
            ],
            stop))
        {
            sample = await MeasureAsync(messages, () => side.Cpu, stop);
            var syncs = await side.MetricAsync("dispatch_log_syncs", stop) + await side.MetricAsync("dispatch_journal_syncs", stop);
            sample = sample with { Syncs = (long)(syncs * sample.Count / messages) };
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
        var sample = await MeasureAsync(messages, Cpu, stop);
        await sending;
        return client.Refused == 0 ? sample : sample with { Faults = [.. sample.Faults, $"{client.Refused} answers were not 200"] };
    }

    public async ValueTask DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<Sample> MeasureAsync(long messages, Func<TimeSpan> cpu, CancellationToken stop)
    {
        var (warm, before) = (Messages(WarmUp), TimeSpan.Zero);
        var took = await _sandbox.TakesAsync(warm, messages, () => before = cpu(), stop);
        var used = cpu() - before;
        await Task.Delay(Afterwards, stop);
        return new Sample(messages - warm, took ?? TimeSpan.MaxValue, used, 0, [], await _sandbox.FaultsAsync(messages, stop));
    }

    private static TimeSpan Cpu()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }

    private static long Messages(TimeSpan run) => (long)(run.TotalSeconds * RateGuess);
}
