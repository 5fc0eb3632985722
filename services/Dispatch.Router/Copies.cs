using Dispatch.Router.Capping;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>Keeps the copies of suppressions and cap rules up to date: from disk at once, from the store whenever it answers.</summary>
sealed class Copies(SuppressionCopy suppressions, CapRuleBook rules, IOptions<RouterOptions> options, TimeProvider clock, ILogger<Copies> log) : BackgroundService
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _away;

    /// <summary>Returns when there is something to ask for both; until then nothing may be routed. A copy on disk counts once the store was asked for a newer one.</summary>
    public async Task WhenKnownAsync(CancellationToken stop)
    {
        await _asked.Task.WaitAsync(stop);
        if (!suppressions.IsKnown || !rules.IsKnown)
        {
            log.WaitsForCopies();
            await suppressions.WhenKnownAsync(stop);
            await rules.WhenKnownAsync(stop);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        suppressions.Load();
        rules.Load();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await rules.RefreshAsync(stoppingToken);
                await suppressions.RefreshAsync(stoppingToken);
                _away = false;
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e))
            {
                if (!_away)
                {
                    log.CopiesStale(e.Message);
                }

                _away = true;
            }

            _asked.TrySetResult();

            await Task.Delay(options.Value.RefreshInterval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
