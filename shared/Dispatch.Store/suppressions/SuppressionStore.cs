using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>An address that gets nothing any more on a channel.</summary>
/// <param name="AddressKey">16 bytes, `Address.address_key`.</param>
/// <param name="Reason">Why: the provider's own word, `complaint`, `unsubscribed`, or what a person wrote. No address.</param>
public sealed record Suppression(string Tenant, Channel Channel, byte[] AddressKey, string Reason, DateTimeOffset CreatedAt);

/// <summary>Addresses that get nothing. Routers hear of a change within seconds.</summary>
public sealed class SuppressionStore(Database database, TimeProvider clock)
{
    /// <summary>As part of a transaction. Repeats, and what is suppressed already, change nothing.</summary>
    /// <returns>How many are new.</returns>
    public static async Task<int> AddAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<Suppression> rows, CancellationToken stop = default)
    {
        if (rows.Count == 0)
        {
            return 0;
        }

        var distinct = rows.DistinctBy(row => (row.Tenant, row.Channel, new Guid(row.AddressKey))).ToList();
        var statement = connection.Statement("suppressions/add", transaction)
            .Add([.. distinct.Select(row => row.Tenant)])
            .Add([.. distinct.Select(row => (short)row.Channel)])
            .Add([.. distinct.Select(row => row.AddressKey)])
            .Add([.. distinct.Select(row => row.Reason)])
            .Add([.. distinct.Select(row => row.CreatedAt.UtcDateTime)]);
        return await statement.ExecuteAsync(stop);
    }

    public Task<int> AddAsync(IReadOnlyList<Suppression> rows, CancellationToken stop) =>
        database.InTransactionAsync((connection, transaction) => AddAsync(connection, transaction, rows, stop), stop);

    /// <returns>False: it was not suppressed.</returns>
    public async Task<bool> RemoveAsync(string tenant, Channel channel, byte[] addressKey, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var statement = connection.Statement("suppressions/remove").Add(tenant).Add((short)channel).Add(addressKey).Add(clock.GetUtcNow());
        return await statement.ExecuteAsync(stop) > 0;
    }

    /// <param name="channel">null: all.</param>
    /// <param name="last">The last one of the page before; null: the first page. Newest first.</param>
    public async Task<List<Suppression>> ListAsync(string tenant, Channel? channel, Suppression? last, int pageSize, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var statement = connection.Statement("suppressions/list")
            .Add(tenant)
            .AddNullable((short?)channel, NpgsqlDbType.Smallint)
            .AddNullable(last?.CreatedAt.UtcDateTime, NpgsqlDbType.TimestampTz)
            .AddNullable((short?)last?.Channel, NpgsqlDbType.Smallint)
            .Add(last?.AddressKey)
            .Add(pageSize);
        return await statement.ListAsync(Row, stop);
    }

    /// <summary>What changed, for those who keep a copy.</summary>
    /// <param name="since">What the last call returned; 0: everything that is suppressed.</param>
    /// <param name="change">Called for each, in no order; the last call's changes may come again.</param>
    /// <returns>Where the next call goes on.</returns>
    public async Task<ulong> ChangedAsync(ulong since, Action<Channel, ReadOnlyMemory<byte>, bool> change, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var horizon = connection.Statement("suppressions/horizon");
        var next = await horizon.ScalarAsync<ulong>(stop); // before the read: what commits in between is read again, never missed
        var changed = connection.Statement("suppressions/changed").Add(since, NpgsqlDbType.Xid8);
        await using var rows = await changed.QueryAsync(stop);
        while (await rows.ReadAsync(stop))
        {
            Read(rows);
        }

        return next;

        void Read(NpgsqlDataReader row) => change((Channel)row.GetInt16(0), row.GetFieldValue<byte[]>(1), row.GetBoolean(2));
    }

    private static Suppression Row(NpgsqlDataReader row) => new(
        row.GetString(0), (Channel)row.GetInt16(1), row.GetFieldValue<byte[]>(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4));
}
