using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Ingest.Spooling;

/// <summary>Takes over the spool of an Ingest that never comes back: all of it goes to Kafka. May be repeated, also after a kill.</summary>
public static class SpoolAdoption
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <param name="left">Told how many records are still there, ten times a second.</param>
    /// <returns>How many records there were.</returns>
    /// <exception cref="InvalidOperationException">Its Ingest runs and has the folder.</exception>
    /// <exception cref="InvalidDataException">The folder is no spool.</exception>
    public static async Task<long> RunAsync(string folder, IEventLog log, TimeProvider time, ILoggerFactory loggers, Action<long> left, CancellationToken stop)
    {
        var options = new SpoolOptions { Folder = folder };
        await using var spool = Spool.Open(options, loggers.CreateLogger<Spool>(), time);
        await log.OpenedAsync(stop);
        await spool.RecallAsync((_, _) => { }, stop);
        var (found, outage, originals) = (spool.Records, new Outage(options.OutageAfter, time), new Originals());
        var appends = new HedgedAppends(log, spool, outage, originals, () => ControlSnapshot.Empty, options, time);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var draining = new Drain(log, spool, appends, outage, originals, () => ControlSnapshot.Empty, time, loggers.CreateLogger<Drain>()).RunAsync(done.Token);
        while (spool.Records > 0 && !draining.IsCompleted)
        {
            left(spool.Records);
            await Task.Delay(Look, time, stop);
        }

        await done.CancelAsync();
        await draining;
        return found;
    }
}
