using Dispatch.Store;

namespace Dispatch.Host;

/// <summary>`migrate`: brings the schema of a PostgreSQL to this release, and ends. Services do the same when they start; where their user may not, this runs before them.</summary>
static class MigrateCommand
{
    public static async Task<int> RunAsync(IConfiguration configuration)
    {
        if (StoreRegistration.Named(configuration) is not { Length: > 0 } connection)
        {
            await Console.Error.WriteLineAsync("dispatch: which PostgreSQL? Set Dispatch:Postgres (Dispatch__Postgres=... in the environment)");
            return 1;
        }

        await using var database = new Database(connection);
        try
        {
            var applied = await Migrations.ApplyAsync(database, CancellationToken.None);
            await Console.Out.WriteLineAsync($"{applied} of {Migrations.All.Count} migrations applied now, all are there");
            return 0;
        }
        catch (Exception e) when (e is MigrationException || StoreFault.IsUnavailable(e))
        {
            await Console.Error.WriteLineAsync($"dispatch: {e.Message}");
            return 1;
        }
    }
}
