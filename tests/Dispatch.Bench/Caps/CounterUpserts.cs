using Dispatch.Bench.Sides;
using NpgsqlTypes;

namespace Dispatch.Bench.Caps;

/// <summary>The baseline: one counter a recipient, an upsert for each message, 1 000 a statement. In the order of the keys, or two of them wait for each other in a circle.</summary>
static class CounterUpserts
{
    public const int StatementRows = 1_000;

    private const string Table = "create table counters (recipient_key uuid primary key, n bigint not null) with (fillfactor = 50)";

    private const string Upsert = """
        insert into counters as it select key, 1 from unnest($1::uuid[]) key order by key
        on conflict (recipient_key) do update set n = it.n + 1
        """;

    public static async Task PrepareAsync(BenchDatabase database, CancellationToken stop)
    {
        await using var create = database.Source.CreateCommand(Table);
        await create.ExecuteNonQueryAsync(stop);
    }

    public static async Task CountAsync(BenchDatabase database, Guid[] recipients, CancellationToken stop)
    {
        await using var connection = await database.Source.OpenConnectionAsync(stop);
        await using var command = new Npgsql.NpgsqlCommand(Upsert, connection);
        command.Parameters.Add(new Npgsql.NpgsqlParameter<Guid[]> { TypedValue = recipients, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        await command.PrepareAsync(stop);
        await command.ExecuteNonQueryAsync(stop);
    }
}
