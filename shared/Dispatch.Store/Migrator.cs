using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Store;

/// <summary>Runs the migrations in the background until they have succeeded: nothing else in the process waits for PostgreSQL to start.</summary>
sealed class Migrator(Database database, ILogger<Migrator> log) : BackgroundService
{
    private static readonly TimeSpan RestMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RestMax = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RestAfterRefusal = TimeSpan.FromSeconds(30); // a person has to look; trying again costs nothing

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var rest = RestMin;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                log.Migrated(await Migrations.ApplyAsync(database, stoppingToken), Migrations.All[^1].Version);
                return;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (MigrationException e)
            {
                log.MigrationRefused(e, e.Message);
                rest = RestAfterRefusal;
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e) || e is Npgsql.NpgsqlException)
            {
                log.MigrationWaits(e.Message);
                rest = TimeSpan.FromTicks(Math.Min(RestMax.Ticks, rest.Ticks * 2));
            }

            await Task.Delay(rest, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
