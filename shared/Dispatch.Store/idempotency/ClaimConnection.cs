using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store.Idempotency;

/// <summary>One connection that claims and settles. Not for two at once.</summary>
public sealed class ClaimConnection : IAsyncDisposable
{
    /// <summary>A caller waits behind these statements: a server that does not answer them is treated as away.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Commits do not wait for the disk. A claim takes its few keys through one index, however many there are: planning it anew each time cost more than running it.
    /// </summary>
    internal const string Settings = "set synchronous_commit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
    private const string Reset = "reset synchronous_commit; reset plan_cache_mode; reset enable_seqscan";

    /// <summary>After a key that was known: where one repeat came, more come.</summary>
    private static readonly TimeSpan ExpectsRepeats = TimeSpan.FromSeconds(10);

    private readonly NpgsqlConnection _connection;
    private readonly ClaimCommand _claim;
    private readonly ClaimCommand _claimNew;
    private DateTimeOffset _repeatsUntil;

    private ClaimConnection(NpgsqlConnection connection) =>
        (_connection, _claim, _claimNew) = (connection, new(connection, "idempotency/claim", Patience), new(connection, "idempotency/claim_new", Patience));

    internal static async Task<ClaimConnection> PrepareAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        var prepared = new ClaimConnection(connection);
        await prepared._claim.PrepareAsync(stop);
        await prepared._claimNew.PrepareAsync(stop);
        return prepared;
    }

    /// <param name="keys">Distinct and sorted.</param>
    /// <param name="firstAt">When each key's call came, UTC; what its ids are derived from must be what is remembered.</param>
    /// <param name="settled">Claims whose requests are in the log by now: they ride along.</param>
    /// <returns>How many of the keys were new; the rest is to be looked up.</returns>
    public async Task<int> ClaimAsync(
        Guid[] keys, Guid[] bodies, DateTime[] firstAt, Guid claim, Guid[] settled, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken stop)
    {
        if (now >= _repeatsUntil)
        {
            try
            {
                return await _claimNew.RunAsync(keys, bodies, firstAt, claim, settled, now, leaseUntil, stop);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
            {
                _repeatsUntil = now + ExpectsRepeats;
            }
        }

        return await _claim.RunAsync(keys, bodies, firstAt, claim, settled, now, leaseUntil, stop);
    }

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
            await using var command = new NpgsqlCommand(Reset, _connection) { CommandTimeout = (int)Patience.TotalSeconds };
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) || e is InvalidOperationException)
        {
            NpgsqlConnection.ClearPool(_connection);
        }

        await _connection.DisposeAsync();
    }
}
