using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>Of which messages: by the minute of their acceptance, and narrower where something is named.</summary>
public sealed record SettlementScope(DateTimeOffset From, DateTimeOffset Until, string? Tenant = null, TrafficClass? Class = null, Channel? Channel = null);

/// <summary>One class and channel of a tenant.</summary>
/// <param name="Accepted">As counted when requests were read.</param>
/// <param name="States">Messages by state, every message in one.</param>
/// <param name="Unexpected">Messages that only outcomes speak of; normal for moments, a fault if it stays.</param>
public sealed record SettlementLine(
    string Tenant, TrafficClass Class, Channel Channel, long Accepted, IReadOnlyDictionary<State, long> States, long Unexpected)
{
    public bool Balanced => Accepted == States.Values.Sum();
}

/// <summary>A message that is not where it should be by now.</summary>
public sealed record Overdue(
    Id MessageId, string Tenant, TrafficClass Class, Channel Channel, State State, DateTimeOffset StateAt, DateTimeOffset? ExpiresAt, string Reason, bool Expected);

/// <summary>Proves that nothing was silently lost: accepted is the sum over all states, and whatever is not settled is named. Reads only.</summary>
public sealed class Settlement(Database database, TimeProvider clock)
{
    /// <summary>How long a message may take after its expiry until somebody has said so.</summary>
    private static readonly TimeSpan ExpiryGrace = TimeSpan.FromMinutes(2);

    private static readonly short[] OnTheWay = [(short)State.Accepted, (short)State.Routed, (short)State.Sending];
    private static readonly short[] EndByExpiry = [.. OnTheWay, (short)State.Held];
    private static readonly short[] ForPersons = [(short)State.Quarantined, (short)State.InDoubt];

    public async Task<IReadOnlyList<SettlementLine>> ReportAsync(SettlementScope scope, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var rows = await Scoped(connection, "settlement/report", scope).ListAsync(
            row => (
                Key: (Tenant: row.GetString(0), Class: (TrafficClass)row.GetInt16(1), Channel: (Channel)row.GetInt16(2)), Accepted: row.GetInt64(3),
                State: (State)row.GetInt16(4), Expected: row.GetInt64(5), Unexpected: row.GetInt64(6)),
            stop);
        return
        [
            .. rows.GroupBy(row => row.Key).Select(line => new SettlementLine(
                line.Key.Tenant, line.Key.Class, line.Key.Channel, line.First().Accepted,
                line.Where(row => row.Expected > 0).ToDictionary(row => row.State, row => row.Expected), line.Sum(row => row.Unexpected))),
        ];
    }

    /// <param name="patience">How long a message may stay on the way (accepted, routed, sending) without anything happening to it.</param>
    /// <param name="last">The last one of the page before; null: the first page.</param>
    public async Task<List<Overdue>> OverdueAsync(SettlementScope scope, TimeSpan patience, Overdue? last, int pageSize, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        await using var connection = await database.OpenAsync(stop);
        return await Scoped(connection, "settlement/overdue", scope)
            .Add(OnTheWay)
            .Add(now - patience)
            .Add(EndByExpiry)
            .Add(now - ExpiryGrace)
            .Add(ForPersons)
            .AddNullable(last?.StateAt.UtcDateTime, NpgsqlDbType.TimestampTz)
            .AddNullable(last?.MessageId.ToGuid(), NpgsqlDbType.Uuid)
            .Add(pageSize)
            .ListAsync(Read, stop);
    }

    private static Statement Scoped(NpgsqlConnection connection, string name, SettlementScope scope) => connection.Statement(name)
        .Add(Minute(scope.From))
        .Add(Minute(scope.Until))
        .Add(scope.Tenant)
        .AddNullable((short?)scope.Class, NpgsqlDbType.Smallint)
        .AddNullable((short?)scope.Channel, NpgsqlDbType.Smallint);

    /// <summary>The counters know whole minutes.</summary>
    private static DateTimeOffset Minute(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMinute), TimeSpan.Zero);

    private static Overdue Read(NpgsqlDataReader row) => new(
        Id.FromGuid(row.GetGuid(0)), row.GetString(1), (TrafficClass)row.GetInt16(2), (Channel)row.GetInt16(3), (State)row.GetInt16(4),
        row.GetFieldValue<DateTimeOffset>(5), row.IsDBNull(6) ? null : row.GetFieldValue<DateTimeOffset>(6), row.GetString(7), row.GetBoolean(8));
}
