using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store.Queries;

/// <summary>A ledger row, as people ask for it.</summary>
/// <param name="Facts">Its timeline, in the order of their times; empty in lists.</param>
public sealed record MessageRow(
    Id Message, Id? Request, TrafficClass Class, Channel Channel, State State, string Reason, DateTimeOffset AcceptedAt, DateTimeOffset StateAt, DateTimeOffset? ExpiresAt,
    string Campaign, string[] Labels, string Provider, string Lane, int Attempts, int Segments, CapCheck CapCheck, IReadOnlyList<Outcome> Facts);

/// <summary>Which messages a list has; what is null does not matter.</summary>
/// <param name="Before">The last message of the page before.</param>
public sealed record MessageFilter(
    string Tenant, byte[]? RecipientKey, string? Label, string? Campaign, State? State, Channel? Channel, TrafficClass? Class,
    DateTimeOffset? From, DateTimeOffset? Until, (DateTimeOffset AcceptedAt, Id Message)? Before, int PageSize);

/// <summary>What became of messages and requests. Every answer is one tenant's: another tenant's id is not found.</summary>
public sealed class MessageQueries(Database database)
{
    /// <returns>null: not known, or not this tenant's.</returns>
    public async Task<MessageRow?> GetAsync(string tenant, Id message, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var rows = await connection.Statement("queries/message").Add(tenant).Add(message.ToGuid()).Add(message.Day).ListAsync(Row, stop);
        return rows.SingleOrDefault();
    }

    /// <summary>Newest first.</summary>
    public async Task<List<MessageRow>> ListAsync(MessageFilter filter, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/messages")
            .Add(filter.Tenant).Add(filter.RecipientKey).Add(filter.Label).Add(filter.Campaign)
            .AddNullable((short?)filter.State, NpgsqlDbType.Smallint).AddNullable((short?)filter.Channel, NpgsqlDbType.Smallint)
            .AddNullable((short?)filter.Class, NpgsqlDbType.Smallint)
            .AddNullable(filter.From?.UtcDateTime, NpgsqlDbType.TimestampTz).AddNullable(filter.Until?.UtcDateTime, NpgsqlDbType.TimestampTz)
            .AddNullable(filter.Before?.AcceptedAt.UtcDateTime, NpgsqlDbType.TimestampTz).AddNullable(filter.Before?.Message.ToGuid(), NpgsqlDbType.Uuid)
            .Add(filter.PageSize)
            .ListAsync(Row, stop);
    }

    /// <returns>Messages by state; empty: not known, or not this tenant's.</returns>
    public async Task<IReadOnlyDictionary<State, long>> StatesOfRequestAsync(string tenant, Id request, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var states = await connection.Statement("queries/request_states").Add(tenant).Add(request.ToGuid()).Add(request.Day)
            .ListAsync(row => (State: (State)row.GetInt16(0), Count: row.GetInt64(1)), stop);
        return states.ToDictionary(it => it.State, it => it.Count);
    }

    /// <summary>By id, which is no order that means anything, but a stable one.</summary>
    public async Task<List<MessageRow>> OfRequestAsync(string tenant, Id request, Id? after, int pageSize, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/request_messages").Add(tenant).Add(request.ToGuid()).Add(request.Day)
            .AddNullable(after?.ToGuid(), NpgsqlDbType.Uuid).Add(pageSize).ListAsync(Row, stop);
    }

    private static MessageRow Row(NpgsqlDataReader row) => new(
        Id.FromGuid(row.GetGuid(0)), row.IsDBNull(1) ? null : Id.FromGuid(row.GetGuid(1)), (TrafficClass)row.GetInt16(2), (Channel)row.GetInt16(3),
        (State)row.GetInt16(4), row.GetString(5), row.GetFieldValue<DateTimeOffset>(6), row.GetFieldValue<DateTimeOffset>(7),
        row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8), row.GetString(9), row.GetFieldValue<string[]>(10), row.GetString(11), row.GetString(12),
        row.GetInt32(13), row.GetInt32(14), (CapCheck)row.GetInt16(15),
        row.IsDBNull(16) ? [] : [.. Timeline.Parser.ParseFrom(row.GetFieldValue<byte[]>(16)).Facts.OrderBy(fact => fact.At)]);
}
