using System.Globalization;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;

namespace Dispatch.Bench.EndToEnd;

/// <summary>
/// The <see cref="Flow"/> with its log on one real broker, against the same with the log in files. The figure is messages per second until the ledger has everything, with broker,
/// providers and load generator on the same machine; per second of processor time it is told too, with the broker's and without. Each run has a fresh broker.
/// </summary>
sealed class KafkaBenchmark : IBenchmark
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private SandboxSide? _sandbox;
    private int _runs;

    public string Unit => "messages/s";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop) => _sandbox = await SandboxSide.StartAsync(Path.Combine(_folder, "sandbox"), stop);

    public async Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop)
    {
        var data = Data();
        await using var broker = await BrokerSide.StartAsync(Path.Combine(data, "kafka"), stop);
        return await Flow.MeasureAsync(_sandbox!, data, broker.Settings, broker, run, stop);
    }

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => Flow.MeasureAsync(_sandbox!, Data(), [], broker: null, run, stop);

    public async ValueTask DisposeAsync()
    {
        if (_sandbox is not null)
        {
            await _sandbox.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string Data() => Path.Combine(_folder, (++_runs).ToString(CultureInfo.InvariantCulture));
}
