using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Dispatch.Store;

/// <summary>One numbered file of `migrations/`; applied once, in the order of the numbers, and never changed afterwards.</summary>
public sealed record Migration(int Version, string Name, string Text)
{
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text.ReplaceLineEndings("\n"))));
}

/// <summary>The schema cannot be moved by waiting: a person has to look.</summary>
public sealed class MigrationException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Moves the schema forward, each file in a transaction of its own, one process at a time. Expand first, contract later: the release before this one keeps working on the
/// new schema, so files are only added. A file that was changed after it had been applied is refused, because nobody could say what the schema is then.
/// </summary>
public static class Migrations
{
    private const string Folder = "migrations/";
    private const long LockKey = 0x6469737061746368; // "dispatch"

    public static IReadOnlyList<Migration> All { get; } =
    [
        .. Sql.Names.Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(Parse).OrderBy(migration => migration.Version),
    ];

    /// <summary>Applies what is missing and lets <paramref name="database"/> be used. Safe to repeat, and to run from many processes at once.</summary>
    /// <returns>How many files were applied.</returns>
    /// <exception cref="MigrationException">Waiting will not help.</exception>
    public static async Task<int> ApplyAsync(Database database, CancellationToken stop)
    {
        var applied = await ApplyAsync(database, All, stop);
        database.MarkReady();
        return applied;
    }

    internal static async Task<int> ApplyAsync(Database database, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        await using var connection = await database.Source.OpenConnectionAsync(stop);
        await ExecuteAsync(connection, $"select pg_advisory_lock({LockKey})", stop);
        try
        {
            await ExecuteAsync(connection, Sql.Text("schema/create"), stop);
            var known = await KnownAsync(connection, stop);
            var missing = 0;
            foreach (var migration in migrations)
            {
                if (!known.TryGetValue(migration.Version, out var checksum))
                {
                    await ApplyAsync(connection, migration, stop);
                    missing++;
                }
                else if (checksum != migration.Checksum)
                {
                    throw new MigrationException($"migration {migration.Version:0000}_{migration.Name} was changed after it had been applied: restore the file, and make the change in a new one");
                }
            }

            return missing;
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await ExecuteAsync(connection, $"select pg_advisory_unlock({LockKey})", CancellationToken.None);
            }
        }
    }

    private static async Task<Dictionary<int, string>> KnownAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        var rows = await connection.Statement("schema/applied").ListAsync(row => (Version: row.GetInt32(0), Checksum: row.GetString(1)), stop);
        return rows.ToDictionary(row => row.Version, row => row.Checksum);
    }

    private static async Task ApplyAsync(NpgsqlConnection connection, Migration migration, CancellationToken stop)
    {
        await using var transaction = await connection.BeginTransactionAsync(stop);
        try
        {
            await ExecuteAsync(connection, migration.Text, stop);
        }
        catch (PostgresException e) when (!StoreFault.IsUnavailable(e))
        {
            throw new MigrationException($"migration {migration.Version:0000}_{migration.Name} failed: {e.MessageText}", e);
        }

        await connection.Statement("schema/record", transaction).Add(migration.Version).Add(migration.Name).Add(migration.Checksum).ExecuteAsync(stop);
        await transaction.CommitAsync(stop);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string text, CancellationToken stop)
    {
#pragma warning disable CA2100 // compiled-in text
        await using var command = new NpgsqlCommand(text, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(stop);
    }

    private static Migration Parse(string resource)
    {
        var name = resource[Folder.Length..];
        var cut = name.IndexOf('_', StringComparison.Ordinal);
        return cut == 4 && int.TryParse(name.AsSpan(0, cut), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? new Migration(version, name[(cut + 1)..], Sql.Text(resource))
            : throw new InvalidOperationException($"{resource}.sql is not named NNNN_name.sql");
    }
}
