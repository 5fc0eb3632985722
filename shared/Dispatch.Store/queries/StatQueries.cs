using Dispatch.Contracts;
using NpgsqlTypes;

namespace Dispatch.Store.Queries;

public enum StatBucket
{
    Minute,
    Hour,
    Day,
}

/// <summary>What is counted, and how it is split; a dimension that is not asked for is summed over.</summary>
public sealed record StatFilter(
    string Tenant, DateTimeOffset From, DateTimeOffset Until, StatBucket Bucket, IReadOnlySet<string> By,
    string? Label, string? Campaign, Channel? Channel, TrafficClass? Class, string? Provider);

/// <summary>One count; a dimension that was not asked for is null.</summary>
public sealed record StatRow(
    DateTimeOffset At, string Kind, Channel? Channel, TrafficClass? Class, string? Provider, string? Label, string? Campaign, long Count, long Segments);

/// <summary>An interval in which outcomes stayed behind; null: it is not over.</summary>
public sealed record BlindWindow(string Dispatcher, DateTimeOffset From, DateTimeOffset? Until);

/// <summary>A tenant's traffic in a scope.</summary>
public sealed record TenantTraffic(string Tenant, double MessagesPerMinute);

/// <summary>Messages that are parked, by why.</summary>
public sealed record HeldGroup(string Tenant, TrafficClass Class, Channel Channel, string Reason, long Count, DateTimeOffset Oldest);

/// <summary>Numbers for callers and operators.</summary>
public sealed class StatQueries(Database database)
{
    public const int RowsMax = 10_000;

    /// <summary>At most <see cref="RowsMax"/> counts, by time.</summary>
    public async Task<List<StatRow>> CountAsync(StatFilter filter, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/stats")
            .Add(filter.Tenant).Add(filter.From).Add(filter.Until).Add(filter.Bucket switch { StatBucket.Minute => "minute", StatBucket.Hour => "hour", _ => "day" })
            .Add(filter.By.Contains("channel")).Add(filter.By.Contains("class")).Add(filter.By.Contains("provider"))
            .Add(filter.By.Contains("label")).Add(filter.By.Contains("campaign"))
            .Add(filter.Label).Add(filter.Campaign)
            .AddNullable((short?)filter.Channel, NpgsqlDbType.Smallint).AddNullable((short?)filter.Class, NpgsqlDbType.Smallint).Add(filter.Provider).Add(RowsMax)
            .ListAsync(
                row => new StatRow(
                    row.GetFieldValue<DateTimeOffset>(0), row.GetString(1), row.IsDBNull(2) ? null : (Channel)row.GetInt16(2), row.IsDBNull(3) ? null : (TrafficClass)row.GetInt16(3),
                    row.IsDBNull(4) ? null : row.GetString(4), row.IsDBNull(5) ? null : row.GetString(5), row.IsDBNull(6) ? null : row.GetString(6), row.GetInt64(7), row.GetInt64(8)),
                stop);
    }

    /// <summary>Those that touch the interval.</summary>
    public async Task<List<BlindWindow>> BlindAsync(DateTimeOffset from, DateTimeOffset until, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/blind").Add(from).Add(until).ListAsync(
            row => new BlindWindow(row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2)), stop);
    }

    /// <summary>Accepted messages a minute in a scope, by tenant, over the last ten minutes; the busiest first, at most 100.</summary>
    public async Task<List<TenantTraffic>> TrafficAsync(ModeScope scope, DateTimeOffset now, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/traffic").Add(now)
            .AddNullable((short?)scope.Channel, NpgsqlDbType.Smallint).AddNullable((short?)scope.Class, NpgsqlDbType.Smallint).Add(scope.Tenant)
            .ListAsync(row => new TenantTraffic(row.GetString(0), row.GetDouble(1)), stop);
    }

    /// <summary>What is parked, at most 1 000 groups, the oldest first.</summary>
    /// <param name="tenant">null: everybody's.</param>
    public async Task<List<HeldGroup>> HeldAsync(string? tenant, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("queries/held").Add(tenant).Add((short)State.Held).ListAsync(
            row => new HeldGroup(row.GetString(0), (TrafficClass)row.GetInt16(1), (Channel)row.GetInt16(2), row.GetString(3), row.GetInt64(4), row.GetFieldValue<DateTimeOffset>(5)),
            stop);
    }
}
