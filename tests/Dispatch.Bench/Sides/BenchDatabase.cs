using Dispatch.Store;
using Dispatch.Store.Private;
using Npgsql;

namespace Dispatch.Bench.Sides;

/// <summary>An empty database with the schema in it, for one run; dropped afterwards.</summary>
sealed class BenchDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource _server;
    private readonly string _name;

    private BenchDatabase(PrivateServer server, string name)
    {
        (_name, ConnectionString) = (name, server.Connection(name));
        _server = NpgsqlDataSource.Create(server.Connection("postgres"));
        Source = NpgsqlDataSource.Create(ConnectionString);
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource Source { get; }

    public static async Task<BenchDatabase> CreateAsync(PrivateServer server, string name, CancellationToken stop)
    {
        var made = new BenchDatabase(server, name);
        await ExecuteAsync(made._server, $"create database {name}", stop);
        await using var database = new Database(made.ConnectionString);
        await Migrations.ApplyAsync(database, stop);
        return made;
    }

    public Task<long> CountAsync(string text, CancellationToken stop) => CountAsync(Source, text, stop);

    /// <summary>In a database that is somebody else's.</summary>
    public static async Task<long> CountAsync(NpgsqlDataSource source, string text, CancellationToken stop)
    {
#pragma warning disable CA2100 // our own text
        await using var command = source.CreateCommand(text);
#pragma warning restore CA2100
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await ExecuteAsync(_server, $"drop database {_name} with (force)", CancellationToken.None);
        await _server.DisposeAsync();
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string text, CancellationToken stop)
    {
#pragma warning disable CA2100 // our own text
        await using var command = source.CreateCommand(text);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(stop);
    }
}
