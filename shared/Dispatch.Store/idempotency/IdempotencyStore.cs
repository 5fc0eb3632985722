using Npgsql;

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
            await using var command = new NpgsqlCommand(ClaimConnection.Settings, connection);
            await command.ExecuteNonQueryAsync(stop);
            return await ClaimConnection.PrepareAsync(connection, stop);
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
