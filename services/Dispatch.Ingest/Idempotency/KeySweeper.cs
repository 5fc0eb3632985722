using Dispatch.Store;
using Dispatch.Store.Idempotency;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Idempotency;

/// <summary>Forgets keys when the ledger forgets their messages. In small steps, so that claims never wait behind it.</summary>
sealed class KeySweeper(IdempotencyStore store, IOptions<StoreOptions> options, TimeProvider clock, ILogger<KeySweeper> log) : BackgroundService
{
    private const int StepSize = 5_000;
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var rest = Interval;
            try
            {
                var before = clock.GetUtcNow().AddDays(-options.Value.RetentionDays);
                rest = await store.ForgetAsync(before, StepSize, stoppingToken) < StepSize ? Interval : TimeSpan.FromMilliseconds(200);
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e))
            {
                log.KeysNotSwept(e.Message);
                rest = TimeSpan.FromMinutes(1);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(rest, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
