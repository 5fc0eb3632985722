using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router.Capping;

/// <summary>
/// Says what happens while the ledger cannot be written: switches `caps` for each class to what the Router does by itself, and back. Drops ledger rows that have ended.
/// </summary>
sealed class CapWatch(WriteProbe probe, ModeBook modes, Database database, IOptions<RouterOptions> options, TimeProvider clock, ILogger<CapWatch> log) : BackgroundService
{
    private const string Owner = "router";
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Renew = ModeBook.AutomaticLifetime / 5;
    private static readonly TimeSpan Sweep = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        var (switchedAt, sweptAt) = (DateTimeOffset.MinValue, clock.GetUtcNow());
        while (!stoppingToken.IsCancellationRequested)
        {
            var now = clock.GetUtcNow();
            if (probe.Writable)
            {
                Clear();
                switchedAt = DateTimeOffset.MinValue;
                if (now - sweptAt > Sweep)
                {
                    sweptAt = now;
                    await SweepAsync(now, stoppingToken);
                }
            }
            else if (now - switchedAt > Renew)
            {
                switchedAt = now;
                Set();
            }

            await Task.Delay(Look, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Set()
    {
        foreach (var of in Topics.Classes)
        {
            var value = options.Value.WithoutLedger(of) == LedgerAway.Send ? "send" : "hold";
            modes.SetAutomatic(Switches.Caps, value, new ModeScope(Class: of), $"cap ledger cannot be written: {probe.Reason}", Owner);
        }
    }

    private void Clear()
    {
        foreach (var of in Topics.Classes)
        {
            modes.ClearAutomatic(Switches.Caps, new ModeScope(Class: of), Owner);
        }
    }

    private async Task SweepAsync(DateTimeOffset now, CancellationToken stop)
    {
        try
        {
            log.LedgerSwept(await CapLedger.SweepAsync(database, now, stop));
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e))
        {
            probe.Hurry();
        }
    }
}
