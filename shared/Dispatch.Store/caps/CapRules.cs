using System.Collections.Immutable;
using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>The rules of caps, as a tenant keeps them. Routers hear of a change within milliseconds; it counts from then on.</summary>
public sealed class CapRules(Database database)
{
    /// <summary>Every tenant's.</summary>
    public Task<List<CapRule>> AllAsync(CancellationToken stop) => RowsAsync("caps/rules_all", _ => { }, stop);

    /// <param name="before">The id of the last rule of the page before; null: the first page. Newest first.</param>
    public Task<List<CapRule>> ListAsync(string tenant, Id? before, int pageSize, CancellationToken stop) =>
        RowsAsync("caps/rules_list", statement => statement.Add(tenant).AddNullable(before?.ToGuid(), NpgsqlDbType.Uuid).Add(pageSize), stop);

    public async Task<CapRule?> GetAsync(string tenant, Id id, CancellationToken stop) =>
        (await RowsAsync("caps/rule_get", statement => statement.Add(tenant).Add(id.ToGuid()), stop)).SingleOrDefault();

    /// <param name="rule">Its number is given here, whatever it says.</param>
    /// <returns>The rule with its number; repeating with the same id is safe and gives the rule that is there.</returns>
    /// <exception cref="PostgresException">A check of the table refused it: the caller did not look at the bounds of <see cref="CapRule"/>.</exception>
    public async Task<CapRule> AddAsync(CapRule rule, CancellationToken stop)
    {
        var made = await RowsAsync(
            "caps/rule_add",
            statement => statement.Add(rule.Id.ToGuid()).Add(rule.Tenant).Add((short)rule.Kind).Add(rule.Subject)
                .Add(Numbers(rule.Classes)).Add(rule.Limit).Add((long)rule.Window.TotalMilliseconds),
            stop);
        return made.SingleOrDefault() ?? await GetAsync(rule.Tenant, rule.Id, stop)
            ?? throw new InvalidOperationException("the id of a new rule belongs to another tenant");
    }

    /// <returns>The rule as it is now; null: there is no such rule.</returns>
    public async Task<CapRule?> ChangeAsync(string tenant, Id id, ImmutableArray<TrafficClass> classes, int limit, TimeSpan window, CancellationToken stop) =>
        (await RowsAsync(
            "caps/rule_change",
            statement => statement.Add(tenant).Add(id.ToGuid()).Add(Numbers(classes)).Add(limit).Add((long)window.TotalMilliseconds),
            stop)).SingleOrDefault();

    /// <returns>False: there was none.</returns>
    public async Task<bool> RemoveAsync(string tenant, Id id, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var statement = connection.Statement("caps/rule_remove").Add(tenant).Add(id.ToGuid());
        return await statement.ExecuteAsync(stop) > 0;
    }

    private async Task<List<CapRule>> RowsAsync(string name, Action<Statement> fill, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var statement = connection.Statement(name);
        fill(statement);
        return await statement.ListAsync(Rule, stop);
    }

    private static short[] Numbers(ImmutableArray<TrafficClass> classes) => [.. classes.Select(of => (short)of)];

    private static CapRule Rule(NpgsqlDataReader row) => new(
        row.GetInt32(1), Id.FromGuid(row.GetGuid(0)), row.GetString(2), (CapKind)row.GetInt16(3), row.GetString(4),
        [.. row.GetFieldValue<short[]>(5).Select(of => (TrafficClass)of)], row.GetInt32(6), TimeSpan.FromMilliseconds(row.GetInt64(7)));
}
