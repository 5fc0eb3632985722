using System.Globalization;
using Dispatch.Store;
using Dispatch.Store.Private;
using Npgsql;

namespace Dispatch.Testing;

/// <summary>
/// One real PostgreSQL for a test process, started by the first test that asks, stopped when the process ends. Each test class takes a database of its own, with all
/// migrations applied: a copy of a template, so it costs some 30 ms. Nothing is synced: a test that is about durability starts a <see cref="PrivateServer"/> of its own.
/// </summary>
/// <example><code>
/// public sealed class CapLedgerTests : IAsyncLifetime
/// {
///     private TestDatabase database = null!;
///     public async Task InitializeAsync() => database = await PostgresServer.CreateDatabaseAsync();
///     public async Task DisposeAsync() => await database.DisposeAsync();
/// }
/// </code></example>
public static class PostgresServer
{
    private const string Template = "dispatch_template";
    private const string FolderPrefix = "dispatch-testpg-";
    private static readonly Lazy<Task<PrivateServer>> Server = new(StartAsync);
    private static readonly SemaphoreSlim OneAtATime = new(1);
    private static int count;

    /// <exception cref="PostgresMissingException">The programs are not installed: the test fails, and says how to get them.</exception>
    public static async Task<TestDatabase> CreateDatabaseAsync()
    {
        var server = await Server.Value;
        var name = $"test_{Interlocked.Increment(ref count)}";
        await OneAtATime.WaitAsync(); // a template can be copied by one at a time
        try
        {
            await ExecuteAsync(server, $"create database {name} template {Template}");
        }
        finally
        {
            OneAtATime.Release();
        }

        var database = new TestDatabase(server.Connection(name), server.Connection("postgres"), name);
        await Migrations.ApplyAsync(database.Database, CancellationToken.None);
        return database;
    }

    private static async Task<PrivateServer> StartAsync()
    {
        await SweepAsync();
        var folder = Path.Combine(Path.GetTempPath(), FolderPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var server = new PrivateServer(Path.Combine(folder, "postgres"), durable: false);
        await server.StartAsync(CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => RemoveAsync(server, folder).GetAwaiter().GetResult();

        await ExecuteAsync(server, $"create database {Template}");
        await using (var template = new Database(server.Connection(Template)))
        {
            await Migrations.ApplyAsync(template, CancellationToken.None);
        }

        return server;
    }

    /// <summary>What a test process left behind that was killed before it could tidy up.</summary>
    private static async Task SweepAsync()
    {
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(folder)[FolderPrefix.Length..], CultureInfo.InvariantCulture, out var owner)
                && !Directory.Exists($"/proc/{owner}"))
            {
                await RemoveAsync(new PrivateServer(Path.Combine(folder, "postgres"), durable: false), folder);
            }
        }
    }

    private static async Task RemoveAsync(PrivateServer server, string folder)
    {
        try
        {
            await server.StopAsync(CancellationToken.None, fast: false);
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync($"{folder} could not be removed: {e.Message}");
        }
    }

    internal static async Task ExecuteAsync(string connectionString, string text)
    {
        await using var source = NpgsqlDataSource.Create(connectionString + ";Pooling=false");
#pragma warning disable CA2100 // names that we made
        await using var command = source.CreateCommand(text);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync();
    }

    private static Task ExecuteAsync(PrivateServer server, string text) => ExecuteAsync(server.Connection("postgres"), text);
}

/// <summary>A database of its own, dropped afterwards.</summary>
public sealed class TestDatabase(string connectionString, string serverConnection, string name) : IAsyncDisposable
{
    public Database Database { get; } = new(connectionString);

    /// <summary>For a second <see cref="Store.Database"/> on it, or plain Npgsql.</summary>
    public string ConnectionString { get; } = connectionString;

    /// <summary>Refuses, or takes again, every write of new transactions, also on connections that are open: what a cluster without primary does.</summary>
    public async Task SetReadOnlyAsync(bool readOnly)
    {
        await PostgresServer.ExecuteAsync(serverConnection, $"alter database {name} set default_transaction_read_only = {(readOnly ? "on" : "off")}");
        await PostgresServer.ExecuteAsync(serverConnection, $"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    }

    /// <summary>Nobody may connect, and whoever is connected is thrown out: what a stopped server looks like. <paramref name="away"/> false brings it back.</summary>
    public async Task SetAwayAsync(bool away)
    {
        await PostgresServer.ExecuteAsync(serverConnection, $"alter database {name} allow_connections {(away ? "false" : "true")}");
        if (away)
        {
            await PostgresServer.ExecuteAsync(serverConnection, $"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
        }
    }

    /// <summary>Cuts the connections that the product has open, wherever they are; the test's own stay.</summary>
    public Task CutAsync() =>
        PostgresServer.ExecuteAsync(serverConnection, $"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and application_name = 'dispatch'");

    /// <summary>One value, for assertions.</summary>
    public async Task<T> ScalarAsync<T>(string text)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString + ";Pooling=false");
#pragma warning disable CA2100 // a test's own text
        await using var command = source.CreateCommand(text);
#pragma warning restore CA2100
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public Task ExecuteAsync(string text) => PostgresServer.ExecuteAsync(ConnectionString, text);

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        await PostgresServer.ExecuteAsync(serverConnection, $"drop database {name} with (force)");
    }
}
