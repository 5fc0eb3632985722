using System.Globalization;
using Dispatch.Bench.Sides;
using Dispatch.Testing;

namespace Dispatch.Bench.Email;

/// <summary>
/// Mails of 1 KB from a filled topic through the whole dispatcher (pool, lane, journal, shipper) to smtp-sink, against smtp-source to the same sink over as many connections.
/// The first part of each run warms up and does not count. Counted by the sink: one mail too few or too many is a fault.
/// </summary>
sealed class EmailBenchmark : IBenchmark
{
    private const int Connections = 20;
    private const int RateGuess = 12_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1); // for a mail too many

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly int _port = FreePorts.One();
    private SmtpSink _sink = null!;
    private int _runs;

    public string Unit => "mails/s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        _sink = await SmtpSink.StartAsync(_port, stop);
        await BaselineAsync(TimeSpan.FromSeconds(1), stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        var (messages, before) = (Messages(run), _sink.Received);
        var admin = FreePorts.One();
        var data = Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture));
        await using var side = await SideProcess.StartAsync(
            admin,
            [
                "email", $"--Bench:Messages={messages}", $"--Dispatch:Data={data}", $"--Dispatch:AdminListen=http://127.0.0.1:{admin}",
                .. Lanes.Smtp(0, _port, Connections),
            ],
            stop);

        var attempts = new Histogram([]);
        var sample = await MeasureAsync(messages, before, () => side.Cpu, async () => attempts = await side.AttemptsAsync(stop), stop);
        return sample with { Syncs = await side.SyncsAsync(stop) * sample.Count / messages, Attempts = (await side.AttemptsAsync(stop)).Since(attempts) };
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        var (messages, before) = (Messages(run), _sink.Received);
        using var source = SmtpSource.Start(_port, Connections, messages);
        return await MeasureAsync(messages, before, () => TimeSpan.Zero, () => Task.CompletedTask, stop);
    }

    public ValueTask DisposeAsync()
    {
        _sink.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<Sample> MeasureAsync(long messages, long before, Func<TimeSpan> cpu, Func<Task> warmed, CancellationToken stop)
    {
        var warm = messages / 4;
        var cpuBefore = TimeSpan.Zero;
        var took = await _sink.TakesAsync(before + warm, before + messages, Patience, WarmedAsync, stop);
        var cpuAfter = cpu();
        await Task.Delay(Afterwards, stop);
        var received = _sink.Received - before;
        return new Sample(
            messages - warm, took ?? Patience, cpuAfter > cpuBefore ? cpuAfter - cpuBefore : TimeSpan.Zero, 0, [],
            received == messages ? [] : [$"{messages} mails were sent, the sink counted {received}"]);

        Task WarmedAsync()
        {
            cpuBefore = cpu();
            return warmed();
        }
    }

    private static long Messages(TimeSpan run) => (long)(run.TotalSeconds * RateGuess);
}
