namespace Dispatch.Bench.Backlog;

/// <summary>
/// Memory that no file stands behind, of the whole system in a fresh process with a million messages waiting, against ten thousand. The figure is bytes: the smaller, the better.
/// All of them must still wait when it is read; anything else is a fault.
/// </summary>
sealed class BacklogBenchmark : IBenchmark
{
    private const long Many = 1_000_000;
    private const long Few = 10_000;
    private static readonly TimeSpan SettleMin = TimeSpan.FromSeconds(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-bench-").FullName;
    private readonly WaitingHost _many;
    private readonly WaitingHost _few;

    public BacklogBenchmark() => (_many, _few) = (new WaitingHost(Path.Combine(_folder, "many"), Many), new WaitingHost(Path.Combine(_folder, "few"), Few));

    public string Unit => "bytes";

    public async Task PrepareAsync(TimeSpan run, CancellationToken stop)
    {
        await _few.PrepareAsync(stop);
        await _many.PrepareAsync(stop);
    }

    public Task<Sample> ProductAsync(TimeSpan run, CancellationToken stop) => SampleAsync(_many, run, stop);

    public Task<Sample> BaselineAsync(TimeSpan run, CancellationToken stop) => SampleAsync(_few, run, stop);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<Sample> SampleAsync(WaitingHost host, TimeSpan run, CancellationToken stop)
    {
        var (bytes, faults) = await host.MeasureAsync(run > SettleMin ? run : SettleMin, stop);
        return new Sample(bytes, TimeSpan.FromSeconds(1), TimeSpan.Zero, 0, [], faults);
    }
}
