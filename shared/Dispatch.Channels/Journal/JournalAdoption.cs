using Dispatch.Channels.Flow;
using Dispatch.Contracts;
using Dispatch.Log;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Journal;

/// <summary>
/// Takes over the journal of a dispatcher that never comes back: what was kept is settled, and every outcome that is not in the log yet is appended, so that its blind window closes.
/// Sends nothing, and may be repeated. What was in flight and not kept belongs to whoever has its partition now.
/// </summary>
public static class JournalAdoption
{
    public static bool IsJournal(string folder) => Owner.Of(folder) is not null;

    /// <returns>How many kept messages were settled.</returns>
    /// <exception cref="IOException">Its dispatcher runs and has the folder, or it cannot be written.</exception>
    /// <exception cref="InvalidDataException">The folder's owner is no dispatcher that this release knows.</exception>
    public static async Task<int> RunAsync(string folder, IEventLog log, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        var channel = ChannelOf(folder);
        var name = Topics.Name(channel);
        await log.OpenedAsync(stop);
        var options = new DispatcherOptions();
        using var shipped = new ShipperState(folder);
        using var journal = JournalFile.Open(
            new JournalSettings(folder, name, Dispatcher.TopicsOf(channel), options.SegmentBytesMax, options.JournalBytesMax, options.SyncDelay, shipped.Position), logger);
        journal.Recover(_ => long.MaxValue, atStart: true);
        var desk = new KeptDesk(journal, log, name, time, logger);
        desk.Recall();
        var atOnce = new CancellationToken(canceled: true);
        await desk.RunAsync(atOnce, stop);
        await journal.SyncAsync().WaitAsync(stop); // what it noted is shipped with the rest
        using var shipper = new Shipper(journal, shipped, log, channel, new ChannelControl(() => ControlSnapshot.Empty, (_, _, _, _, _) => { }, (_, _, _) => { }), options, time, logger);
        await shipper.RunAsync(atOnce, stop);
        stop.ThrowIfCancellationRequested();
        return journal.Kept.Count;
    }

    private static Channel ChannelOf(string folder)
    {
        var name = Owner.Of(folder)?.Name ?? "";
        return Topics.Channels.Where(channel => name.StartsWith(Topics.Name(channel) + '-', StringComparison.Ordinal)).Cast<Channel?>().FirstOrDefault()
            ?? throw new InvalidDataException($"The journal in {folder} belongs to '{name}', which is no dispatcher of this release.");
    }
}
