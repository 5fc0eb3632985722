using System.Text.Json;
using Dispatch.Contracts;
using Npgsql;

namespace Dispatch.Store.Control;

/// <summary>The truth about switches and cancellations, versioned and audited. Services do not wait for it: they hold the last snapshot.</summary>
public sealed class ControlStore(Database database)
{
    public const string NotifyChannel = "dispatch_control";

    public async Task<ControlSnapshot> ReadAsync(DateTimeOffset now, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var modes = await connection.Statement("control/modes").Add(now).ListAsync(ModeOf, stop);
        var cancelled = await connection.Statement("control/cancellations").Add(now).ListAsync(row => Id.FromGuid(row.GetGuid(0)), stop);
        return new ControlSnapshot([.. modes], [.. cancelled]);
    }

    /// <returns>The mode with its version. The change and its line in the audit stand together.</returns>
    public Task<Mode> SwitchAsync(Mode mode, string who, CancellationToken stop) => database.InTransactionAsync(
        async (connection, transaction) =>
        {
            var version = await connection.Statement("control/switch", transaction)
                .Add(mode.Switch).Add(mode.Value)
                .Add(mode.Scope.Channel is { } channel ? Topics.Name(channel) : null).Add(mode.Scope.Class is { } of ? Topics.Name(of) : null)
                .Add(mode.Scope.Tenant).Add(mode.Scope.Lane)
                .Add(mode.Reason).Add(mode.Owner).Add(mode.ChangedAt).Add(mode.ExpiresAt)
                .ScalarAsync<long>(stop);
            await AuditAsync(connection, transaction, mode.ChangedAt, who, "switch", JsonSerializer.Serialize(mode), stop);
            return mode with { Version = version };
        },
        stop);

    /// <param name="expiresAt">When no message of the request can be alive any more.</param>
    public Task CancelAsync(string tenant, Id request, string who, DateTimeOffset now, DateTimeOffset expiresAt, CancellationToken stop) => database.InTransactionAsync(
        async (connection, transaction) =>
        {
            await connection.Statement("control/cancel", transaction).Add(request.ToGuid()).Add(tenant).Add(now).Add(expiresAt).ExecuteAsync(stop);
            var detail = JsonSerializer.Serialize(new { tenant, request = request.ToText(IdPrefix.Request) });
            await AuditAsync(connection, transaction, now, who, "cancel", detail, stop);
        },
        stop);

    /// <summary>For changes that live in other tables: keys, rules, re-drives.</summary>
    public Task AuditAsync(DateTimeOffset at, string who, string what, string detailJson, CancellationToken stop) => database.InTransactionAsync(
        (connection, transaction) => AuditAsync(connection, transaction, at, who, what, detailJson, stop), stop);

    /// <returns>The first line of the audit that does not follow from the line before it; null: the chain is whole.</returns>
    public async Task<long?> FirstBrokenAuditLineAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("control/audit_broken").ScalarAsync<long?>(stop);
    }

    /// <summary>Drops the cancellations that nothing can meet any more.</summary>
    public async Task ForgetAsync(DateTimeOffset now, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        await connection.Statement("control/forget").Add(now).ExecuteAsync(stop);
    }

    private static async Task AuditAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, DateTimeOffset at, string who, string what, string detailJson, CancellationToken stop)
    {
        await connection.Statement("control/audit_turn", transaction).ExecuteAsync(stop);
        await connection.Statement("control/audit", transaction).Add(at).Add(who).Add(what).Add(detailJson).ExecuteAsync(stop);
    }

    private static Mode ModeOf(NpgsqlDataReader row)
    {
        string? TextOf(int column) => row.IsDBNull(column) ? null : row.GetString(column);
        var scope = new ModeScope(
            TextOf(3) is { } channel ? Topics.Channels.First(it => Topics.Name(it) == channel) : null,
            TextOf(4) is { } of ? Topics.Classes.First(it => Topics.Name(it) == of) : null,
            TextOf(5), TextOf(6));
        return new Mode(
            row.GetString(1), row.GetString(2), scope, row.GetString(7), row.GetString(8),
            row.GetFieldValue<DateTimeOffset>(9), row.GetFieldValue<DateTimeOffset>(10), Automatic: false, row.GetInt64(0));
    }
}
