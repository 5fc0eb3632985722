using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store.Idempotency;

/// <summary>
/// Which Idempotency-Keys were used, for what (docs/api.md, "Where an Idempotency-Key lives"). One statement claims a group of keys, one row settles it.
/// Keys are committed without waiting for the disk: what a crash of the server loses is read again from the log before the next check
/// (docs/adr/0002-keys-follow-the-log.md), so a key costs no sync of its own.
/// </summary>
public sealed class IdempotencyStore(Database database)
{
    /// <summary>A connection for many claims; its commits do not wait for the disk.</summary>
    public async Task<ClaimConnection> ConnectAsync(CancellationToken stop)
    {
        var connection = await database.OpenAsync(stop);
        try
        {
            await using var command = new NpgsqlCommand("set synchronous_commit = off", connection);
            await command.ExecuteNonQueryAsync(stop);
            return new ClaimConnection(connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <returns>The first accept of the newest key since <paramref name="since"/>; null: there is none.</returns>
    public async Task<DateTimeOffset?> NewestAsync(DateTimeOffset since, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var newest = await connection.Statement("idempotency/newest").Add(since).ScalarAsync<DateTime?>(stop);
        return newest is { } at ? new DateTimeOffset(at, TimeSpan.Zero) : null;
    }

    /// <param name="keys">Distinct.</param>
    /// <returns>The keys that stand there for another body: both were accepted, and somebody should know.</returns>
    public async Task<IReadOnlyList<Guid>> RestoreAsync(IEnumerable<LoggedKey> keys, Guid claim, CancellationToken stop)
    {
        LoggedKey[] sorted = [.. keys.OrderBy(it => it.Key)];
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("idempotency/restore")
            .Add([.. sorted.Select(it => it.Key)]).Add([.. sorted.Select(it => it.Body)]).Add([.. sorted.Select(it => it.AcceptedAt.UtcDateTime)]).Add(claim)
            .ListAsync(row => row.GetGuid(0), stop);
    }

    /// <summary>Forgets keys past retention, at most <paramref name="atMost"/> at once.</summary>
    /// <returns>How many were forgotten; fewer than <paramref name="atMost"/>: all.</returns>
    public async Task<int> ForgetAsync(DateTimeOffset before, int atMost, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var forgotten = await connection.Statement("idempotency/forget").Add(before).Add(atMost).ExecuteAsync(stop);
        if (forgotten < atMost)
        {
            await connection.Statement("idempotency/forget_settled").Add(before).ExecuteAsync(stop);
        }

        return forgotten;
    }
}

/// <summary>One connection that claims and settles. Not for two at once.</summary>
public sealed class ClaimConnection : IAsyncDisposable
{
    /// <summary>A caller waits behind these statements: a server that does not answer them is treated as away.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly NpgsqlConnection _connection;

    internal ClaimConnection(NpgsqlConnection connection) => _connection = connection;

    /// <param name="keys">Distinct and sorted.</param>
    /// <param name="firstAt">When each key's call came, UTC; what its ids are derived from must be what is remembered.</param>
    /// <param name="settled">Claims whose requests are in the log by now: they ride along.</param>
    /// <returns>How many of the keys were new; the rest is to be looked up.</returns>
    public Task<int> ClaimAsync(Guid[] keys, Guid[] bodies, DateTime[] firstAt, Guid claim, Guid[] settled, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken stop) =>
        _connection.Statement("idempotency/claim").Within(Patience)
            .Add(keys).Add(bodies).Add(claim).Add(now).Add(leaseUntil).Add(settled).Add(firstAt).ExecuteAsync(stop);

    public Task<List<KeyRow>> LookAsync(IReadOnlyList<Guid> keys, DateTimeOffset now, CancellationToken stop) =>
        _connection.Statement("idempotency/look").Within(Patience).Add([.. keys]).Add(now).ListAsync(
            row => new KeyRow(
                row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetFieldValue<DateTimeOffset>(3), row.GetBoolean(4), row.GetBoolean(5),
                row.IsDBNull(6) ? null : row.GetInt16(6), row.IsDBNull(7) ? null : row.GetFieldValue<byte[]>(7)),
            stop);

    /// <returns>false: somebody else was faster.</returns>
    public async Task<bool> TakeOverAsync(KeyRow row, Guid claim, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken stop) =>
        await _connection.Statement("idempotency/take_over").Within(Patience).Add(row.Key).Add(row.Claim).Add(claim).Add(now).Add(leaseUntil).ExecuteAsync(stop) == 1;

    /// <summary>What these claims held is in the log.</summary>
    public Task SettleAsync(Guid[] claims, DateTimeOffset now, CancellationToken stop) =>
        _connection.Statement("idempotency/settle").Add(claims).Add(now).ExecuteAsync(stop);

    /// <summary>Settles one key of a group, with the answer to keep, if any.</summary>
    public Task AnswerAsync(Guid key, Guid claim, short? status, byte[]? answer, DateTimeOffset now, CancellationToken stop) =>
        _connection.Statement("idempotency/answer").Add(key).Add(claim).AddNullable(status, NpgsqlDbType.Smallint).Add(answer).Add(Guid.NewGuid()).Add(now).ExecuteAsync(stop);

    public Task EndLeaseAsync(Guid key, Guid claim, DateTimeOffset now, CancellationToken stop) =>
        _connection.Statement("idempotency/end_lease").Add(key).Add(claim).Add(now).ExecuteAsync(stop);

    public Task ReleaseAsync(Guid key, Guid claim, CancellationToken stop) => _connection.Statement("idempotency/release").Add(key).Add(claim).ExecuteAsync(stop);

    /// <summary>Gives the connection back as it was; one that broke is not given back at all.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await using var command = new NpgsqlCommand("reset synchronous_commit", _connection) { CommandTimeout = (int)Patience.TotalSeconds };
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) || e is InvalidOperationException)
        {
            NpgsqlConnection.ClearPool(_connection);
        }

        await _connection.DisposeAsync();
    }
}
