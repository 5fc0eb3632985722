using System.Data;
using Npgsql;

namespace Dispatch.Store;

/// <summary>
/// The connections of this process. Nobody gets one before the migrations have run, so no statement meets a schema that is not there:
/// until then <see cref="OpenAsync"/> throws what <see cref="StoreFault.IsUnavailable"/> calls unavailable.
/// </summary>
public sealed class Database : IAsyncDisposable
{
    /// <summary>Statements of a thousand rows are tens of kilobytes: in buffers of 8, each would be a dozen system calls.</summary>
    private const int BufferBytes = 32 * 1024;

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Database(string connectionString, int connectionsMax = 40)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "dispatch",
            MaxPoolSize = connectionsMax,
            ConnectionIdleLifetime = 3_600, // statements are prepared once on connections that live long
            NoResetOnClose = true,
            Timeout = 5,
            TcpKeepAlive = true,
            Multiplexing = false,
            ReadBufferSize = BufferBytes,
            WriteBufferSize = BufferBytes,
        };

        // Compiling a plan costs more than our statements take. A generic plan that was made while a day's partition was empty stays bad for the life of the
        // connection; planning a statement of a thousand rows again costs next to nothing.
        // A process that is frozen inside a transaction must not keep its rows from everybody else.
        settings.Options = $"{settings.Options} -c jit=off -c plan_cache_mode=force_custom_plan -c idle_in_transaction_session_timeout=15s".Trim();
        Source = new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
    }

    internal NpgsqlDataSource Source { get; }

    /// <summary>The migrations have run.</summary>
    public bool IsReady => _ready.Task.IsCompletedSuccessfully;

    /// <summary>Waits until the migrations have run.</summary>
    public Task WhenReadyAsync(CancellationToken stop) => _ready.Task.WaitAsync(stop);

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken stop) =>
        IsReady ? Source.OpenConnectionAsync(stop) : throw new StoreNotReadyException("the store's migrations have not run yet");

    /// <summary>A connection that hears what is told on a channel: <see cref="NpgsqlConnection.WaitAsync(TimeSpan, CancellationToken)"/> returns when something was.</summary>
    /// <param name="channel">One of this project's own names; it becomes part of the statement.</param>
    public async Task<NpgsqlConnection> ListenAsync(string channel, CancellationToken stop)
    {
        var connection = await OpenAsync(stop);
        try
        {
#pragma warning disable CA2100 // LISTEN takes no parameters, and no caller passes what came from outside
            await using var listen = new NpgsqlCommand($"listen {channel}", connection);
#pragma warning restore CA2100
            await listen.ExecuteNonQueryAsync(stop);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <paramref name="work"/> in one transaction: all of it or nothing.</summary>
    public async Task<T> InTransactionAsync<T>(Func<NpgsqlConnection, NpgsqlTransaction, Task<T>> work, CancellationToken stop)
    {
        await using var connection = await OpenAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, stop);
        var result = await work(connection, transaction);
        await transaction.CommitAsync(CancellationToken.None); // a commit that was sent is waited for: giving up would leave nobody knowing
        return result;
    }

    public Task InTransactionAsync(Func<NpgsqlConnection, NpgsqlTransaction, Task> work, CancellationToken stop) => InTransactionAsync(
        async (connection, transaction) =>
        {
            await work(connection, transaction);
            return true;
        },
        stop);

    internal void MarkReady() => _ready.TrySetResult();

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
