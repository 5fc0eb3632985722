using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Store;

/// <summary>Makes tomorrow's partitions ahead and drops those past retention. A record of a day that nobody foresaw is not its business: who writes it calls ensure_day.</summary>
sealed class DayKeeper(Database database, IOptions<StoreOptions> options, TimeProvider clock, ILogger<DayKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.WhenReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            var rest = Interval;
            try
            {
                await KeepAsync(stoppingToken);
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e) || e is Npgsql.NpgsqlException)
            {
                log.DaysNotKept(e.Message);
                rest = AfterFault;
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(rest, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task KeepAsync(CancellationToken stop)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        await using var connection = await database.OpenAsync(stop);
        await connection.Statement("schema/ensure_days").Add((DateOnly[])[today.AddDays(-1), today, today.AddDays(1), today.AddDays(2)]).ExecuteAsync(stop);
        foreach (var dropped in await connection.Statement("schema/drop_days").Add(today.AddDays(-options.Value.RetentionDays)).ListAsync(row => row.GetString(0), stop))
        {
            log.DayDropped(dropped);
        }
    }
}
