using System.Diagnostics;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Bench.Feedback;

/// <summary>The baseline: each outcome a row, 1 000 a statement, and a unique index that keeps the repeats out.</summary>
static class RawInserts
{
    private const int StatementRows = 1_000;

    private const string Table = """
        create table raw (
          day date, message_id uuid, attempt_epoch bigint, attempt int, kind smallint, source_id text, at timestamptz, tenant text, verdict smallint, reason text,
          provider text, lane text, state smallint, provider_message_id text,
          primary key (day, message_id, attempt_epoch, attempt, kind, source_id)
        )
        """;

    private const string Insert = """
        insert into raw
        select * from unnest($1::date[], $2::uuid[], $3::bigint[], $4::int[], $5::smallint[], $6::text[], $7::timestamptz[], $8::text[], $9::smallint[], $10::text[],
          $11::text[], $12::text[], $13::smallint[], $14::text[])
        on conflict do nothing
        """;

    /// <param name="cpu">Whose processor time the sample has.</param>
    public static async Task<Sample> RunAsync(BenchDatabase database, byte[][] records, long facts, Func<TimeSpan> cpu, CancellationToken stop)
    {
        await using (var create = database.Source.CreateCommand(Table))
        {
            await create.ExecuteNonQueryAsync(stop);
        }

        await using var connection = await database.Source.OpenConnectionAsync(stop);
        var warm = records.Length / 4;
        await InsertAsync(connection, records.AsMemory(0, warm), stop);
        var (begin, before) = (Stopwatch.GetTimestamp(), cpu());
        await InsertAsync(connection, records.AsMemory(warm), stop);
        var (took, used) = (Stopwatch.GetElapsedTime(begin), cpu() - before);
        var rows = await database.CountAsync("select count(*) from raw", stop);
        return new Sample(records.Length - warm, took, used, 0, [], rows == facts ? [] : [$"{facts} facts, {rows} rows"]);
    }

    private static async Task InsertAsync(NpgsqlConnection connection, ReadOnlyMemory<byte[]> records, CancellationToken stop)
    {
        for (var done = 0; done < records.Length; done += StatementRows)
        {
            var rows = records.Slice(done, Math.Min(StatementRows, records.Length - done)).ToArray().Select(Outcome.Parser.ParseFrom).ToArray();
            await using var command = new NpgsqlCommand(Insert, connection);
            Add(rows.Select(it => Id.DateOf(it.Day)), NpgsqlDbType.Date);
            Add(rows.Select(it => new Guid(it.MessageId.Span, bigEndian: true)), NpgsqlDbType.Uuid);
            Add(rows.Select(it => (long)it.AttemptEpoch), NpgsqlDbType.Bigint);
            Add(rows.Select(it => (int)it.Attempt), NpgsqlDbType.Integer);
            Add(rows.Select(it => (short)it.Kind), NpgsqlDbType.Smallint);
            Add(rows.Select(it => it.SourceId), NpgsqlDbType.Text);
            Add(rows.Select(it => DateTimeOffset.FromUnixTimeMilliseconds(it.At).UtcDateTime), NpgsqlDbType.TimestampTz);
            Add(rows.Select(it => it.Tenant), NpgsqlDbType.Text);
            Add(rows.Select(it => (short)it.Verdict), NpgsqlDbType.Smallint);
            Add(rows.Select(it => it.Reason), NpgsqlDbType.Text);
            Add(rows.Select(it => it.Provider), NpgsqlDbType.Text);
            Add(rows.Select(it => it.Lane), NpgsqlDbType.Text);
            Add(rows.Select(it => (short)it.State), NpgsqlDbType.Smallint);
            Add(rows.Select(it => it.ProviderMessageId), NpgsqlDbType.Text);
            await command.PrepareAsync(stop);
            await command.ExecuteNonQueryAsync(stop);

            void Add<T>(IEnumerable<T> column, NpgsqlDbType type) =>
                command.Parameters.Add(new NpgsqlParameter<T[]> { TypedValue = [.. column], NpgsqlDbType = NpgsqlDbType.Array | type });
        }
    }
}
