using System.Globalization;
using Dispatch.Bench.Push;

namespace Dispatch.Bench.EndToEnd;

/// <summary>
/// The <see cref="Flow"/> on the log in files, against the sum of what the parts cost without it. The figure is messages per second of processor time: the parts would never run on
/// one machine at one moment, but what each takes of it adds up. It is that of the product and its PostgreSQL, until the ledger has everything too; providers and load generator are
/// processes of their own.
/// </summary>
/// <param name="syncDelay">Added to every sync of the log, as a slower disk would.</param>
sealed class EndToEndBenchmark(TimeSpan syncDelay) : IBenchmark
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private SandboxSide _sandbox = null!;
    private Parts _parts = null!;
    private int _runs;

    public string Unit => "messages/CPU s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        _sandbox = await SandboxSide.StartAsync(Path.Combine(_folder, "sandbox"), stop);
        _parts = await Parts.StartAsync(_sandbox, Path.Combine(_folder, "parts"), Flow.Connections, Flow.InFlight, Flow.MailConnections, stop);
        await _parts.MeasureAsync(Flow.WarmUp, stop);
    }

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        var data = Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture));
        var flow = await Flow.MeasureAsync(_sandbox, data, [$"--Dispatch:Log:SyncDelay={syncDelay.ToString("c", CultureInfo.InvariantCulture)}"], broker: null, run, stop);
        return flow with { Elapsed = flow.Cpu, Figures = new Dictionary<string, double> { ["messages_per_s"] = flow.PerSecond } };
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => _parts.MeasureAsync(run, stop);

    public async ValueTask DisposeAsync()
    {
        await _parts.DisposeAsync();
        await _sandbox.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
