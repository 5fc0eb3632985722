using Dispatch.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Store.Control;

/// <summary>
/// Brings switches and cancellations to this process: at once by LISTEN, every five seconds by reading, whichever works. While the store is away
/// nothing is brought, and what holds goes on to hold.
/// </summary>
sealed class ControlFeed(Database database, ControlStore store, Action<ControlSnapshot> bring, TimeProvider clock, ILogger<ControlFeed> log) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromHours(1);

    private bool _away;
    private DateTimeOffset _forgotten;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await database.WhenReadyAsync(stoppingToken);
                await FollowAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Whatever it is, the modes of the last reading hold, and the next try may work.
                if (!_away)
                {
                    _away = true;
                    log.ControlAway(e.Message);
                }

                await Task.Delay(TimeSpan.FromSeconds(1), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        await using var connection = await database.ListenAsync(ControlStore.NotifyChannel, stop);
        while (true)
        {
            var now = clock.GetUtcNow();
            bring(await store.ReadAsync(now, stop));
            if (_away)
            {
                _away = false;
                log.ControlBack();
            }

            if (now - _forgotten > ForgetInterval)
            {
                await store.ForgetAsync(now, stop);
                _forgotten = now;
            }

            await connection.WaitAsync(PollInterval, stop);
        }
    }
}
