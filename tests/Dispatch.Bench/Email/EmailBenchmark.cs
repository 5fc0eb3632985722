using System.Diagnostics;
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
                "--Dispatch:Lanes:0:Name=sink", "--Dispatch:Lanes:0:Provider=smtp", $"--Dispatch:Lanes:0:Endpoint=smtp://127.0.0.1:{_port}", "--Dispatch:Lanes:0:StartTls=Off",
                $"--Dispatch:Lanes:0:ConnectionsMax={Connections}", "--Dispatch:Lanes:0:MessagesPerConnectionMax=1000000",
            ],
            stop);

        var sample = await MeasureAsync(messages, before, () => side.Cpu, stop);
        var syncs = await side.MetricAsync("dispatch_log_syncs", stop) + await side.MetricAsync("dispatch_journal_syncs", stop);
        return sample with { Syncs = (long)(syncs * sample.Count / messages) };
    }

    public async Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop)
    {
        var (messages, before) = (Messages(run), _sink.Received);
        string[] arguments =
            ["-d", "-s", $"{Connections}", "-m", $"{messages}", "-l", "1024", "-f", "no-reply@shop.example", "-t", "ada@example.org", "-M", "client.example", $"127.0.0.1:{_port}"];
        using var source = Process.Start(SmtpSink.Tool("smtp-source"), arguments);
        return await MeasureAsync(messages, before, () => TimeSpan.Zero, stop);
    }

    public ValueTask DisposeAsync()
    {
        _sink.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<Sample> MeasureAsync(long messages, long before, Func<TimeSpan> cpu, CancellationToken stop)
    {
        var warm = messages / 4;
        var cpuBefore = TimeSpan.Zero;
        var took = await _sink.TakesAsync(before + warm, before + messages, Patience, () => cpuBefore = cpu(), stop);
        var cpuAfter = cpu();
        await Task.Delay(Afterwards, stop);
        var received = _sink.Received - before;
        return new Sample(
            messages - warm, took ?? Patience, cpuAfter > cpuBefore ? cpuAfter - cpuBefore : TimeSpan.Zero, 0, [],
            received == messages ? [] : [$"{messages} mails were sent, the sink counted {received}"]);
    }

    private static long Messages(TimeSpan run) => (long)(run.TotalSeconds * RateGuess);
}
