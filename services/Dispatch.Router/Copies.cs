using Dispatch.Router.Capping;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>Keeps the copies of suppressions and cap rules up to date: from disk at once, from the store at each change that it tells of and whenever it answers.</summary>
sealed class Copies(
    SuppressionCopy suppressions, CapRuleBook rules, Database database, IOptions<RouterOptions> options, TimeProvider clock, ILogger<Copies> log) : BackgroundService
{
    /// <summary>On which the store tells of a change; see its migration 0012.</summary>
    private const string Channel = "dispatch_copies";

    /// <summary>A bulk of changes is told change by change: what comes close together is read together.</summary>
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan RestAfterFault = TimeSpan.FromSeconds(1);

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
                await FollowAsync(stoppingToken);
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
            await Task.Delay(RestAfterFault, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Hears of a change at once, and looks now and then whatever was heard.</summary>
    /// <exception cref="Exception">The store is away, as <see cref="StoreFault"/> says.</exception>
    private async Task FollowAsync(CancellationToken stop)
    {
        await using var connection = await database.ListenAsync(Channel, stop);
        while (true)
        {
            await rules.RefreshAsync(stop);
            await suppressions.RefreshAsync(stop);
            _away = false;
            _asked.TrySetResult();
            if (await connection.WaitAsync(options.Value.RefreshInterval, stop))
            {
                await Task.Delay(Together, clock, stop);
            }
        }
    }
}
