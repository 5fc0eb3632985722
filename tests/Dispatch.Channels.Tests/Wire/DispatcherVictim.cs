using Dispatch.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A dispatcher in a process of its own, on the folders of a <see cref="Rig"/>, until it is killed.</summary>
static class DispatcherVictim
{
    public static async Task<int> RunAsync(string folder, Uri endpoint)
    {
        await using var log = Rig.OpenLog(Path.Combine(folder, "log"));
        using var dispatcher = Rig.NewDispatcher(
            Path.Combine(folder, "journal"), Rig.QuickOptions, log, new ChannelControl(() => ControlSnapshot.Empty, (_, _, _, _, _) => { }, (_, _, _) => { }), NullLogger<Dispatcher>.Instance, [(Rig.Lane(inFlight: 50), endpoint)]);
        await dispatcher.StartAsync(CancellationToken.None);
        await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
