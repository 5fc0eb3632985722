using Npgsql;

namespace Dispatch.Store;

/// <summary>
/// The ledger on connections of its own, at most so many at once: whoever has a desk waits for nobody's work but its own. Statements stay prepared on them.
/// </summary>
/// <param name="timeout">Of one transaction; one that takes longer is given up, and nobody knows whether it was written.</param>
public sealed class CapDesk(Database database, int connectionsMax, TimeSpan timeout) : IAsyncDisposable
{
    private readonly SemaphoreSlim _free = new(connectionsMax);
    private readonly Stack<NpgsqlConnection> _idle = new();

    /// <inheritdoc cref="CapLedger.DecideAsync"/>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public async Task DecideAsync(Guid[] recipientKeys, CapDecide decide, CancellationToken stop)
    {
        await _free.WaitAsync(stop);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(timeout);
            await DecideOnAsync(await TakeAsync(limit.Token), recipientKeys, decide, limit.Token);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new TimeoutException($"the cap ledger did not answer within {timeout.TotalSeconds} s", e);
        }
        finally
        {
            _free.Release();
        }
    }

    private ValueTask<NpgsqlConnection> TakeAsync(CancellationToken stop)
    {
        lock (_idle)
        {
            if (_idle.Count > 0)
            {
                return ValueTask.FromResult(_idle.Pop());
            }
        }

        return database.OpenAsync(stop);
    }

    private async Task DecideOnAsync(NpgsqlConnection connection, Guid[] recipientKeys, CapDecide decide, CancellationToken stop)
    {
        try
        {
            await CapLedger.DecideAsync(connection, recipientKeys, decide, stop);
        }
        catch
        {
            await connection.DisposeAsync(); // in whatever state it is
            throw;
        }

        lock (_idle)
        {
            _idle.Push(connection);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _idle)
        {
            await connection.DisposeAsync();
        }

        _free.Dispose();
    }
}
