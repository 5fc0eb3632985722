using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>The statements of one ledger transaction, in the order in which they may lock: positions, events, messages, statistics, marks, suppressions, caps.</summary>
sealed class LedgerTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction)
{
    private const char LabelSeparator = '\x1f';

    /// <returns>Those that are new.</returns>
    public async Task<IReadOnlyList<Event>> InsertAsync(IReadOnlyCollection<Event> events, CancellationToken stop)
    {
        if (events.Count == 0)
        {
            return [];
        }

        var sorted = events.OrderBy(it => it.Tenant, StringComparer.Ordinal).ThenBy(it => it.EventId, StringComparer.Ordinal).ToArray();
        var inserted = await connection.Statement("ledger/events", transaction)
            .Add([.. sorted.Select(it => Id.DateOf(it.Day))])
            .Add([.. sorted.Select(it => it.Tenant)])
            .Add([.. sorted.Select(it => it.EventId)])
            .Add([.. sorted.Select(it => it.UserId)])
            .Add([.. sorted.Select(it => it.Name)])
            .Add([.. sorted.Select(it => Promise.Time(it.At))])
            .Add([.. sorted.Select(it => Promise.Time(it.ReceivedAt))])
            .Add([.. sorted.Select(it => it.MessageId.Length == Id.Size ? new Guid(it.MessageId.Span, bigEndian: true) : (Guid?)null)])
            .Add([.. sorted.Select(it => it.Attributes.ToByteArray())])
            .ListAsync(row => (row.GetString(0), row.GetString(1)), stop);
        var fresh = inserted.ToHashSet();
        return [.. sorted.Where(it => fresh.Contains((it.Tenant, it.EventId)))];
    }

    public async Task<Dictionary<Id, Known>> LockAsync(IEnumerable<Id> ids, CancellationToken stop)
    {
        var known = new Dictionary<Id, Known>();
        // In the order of the days, then of the ids within a day: see ledger/read.sql.
        foreach (var day in ids.GroupBy(id => id.Day).OrderBy(day => day.Key))
        {
            await using var rows = await connection.Statement("ledger/read", transaction).Add(day.Key).Add([.. day.Select(id => id.ToGuid())]).QueryAsync(stop);
            while (await rows.ReadAsync(stop))
            {
                known.Add(Id.FromGuid(rows.GetGuid(0)), Read(rows));
            }
        }

        return known;
    }

    public async Task WriteAsync(List<LedgerRow> rows, CancellationToken stop)
    {
        await CopyAsync("ledger/insert", [.. rows.Where(row => row.IsNew)], InsertAsync, stop);
        foreach (var day in rows.Where(row => !row.IsNew).GroupBy(row => row.Id.Day))
        {
            LedgerRow[] changed = [.. day];
            await connection.Statement("ledger/update", transaction)
                .Add(day.Key)
                .Add([.. changed.Select(row => row.Id.ToGuid())])
                .Add([.. changed.Select(row => row.Expected)])
                .Add([.. changed.Select(row => (short)row.State)])
                .Add([.. changed.Select(row => row.StateAt)])
                .Add([.. changed.Select(row => row.Reason)])
                .Add([.. changed.Select(row => row.Provider)])
                .Add([.. changed.Select(row => row.Lane)])
                .Add([.. changed.Select(row => row.Attempts)])
                .Add([.. changed.Select(row => row.Segments)])
                .Add([.. changed.Select(row => (short)row.CapCheck)])
                .Add([.. changed.Select(row => row.Timeline)])
                .Add([.. changed.Select(row => row.Promise.ExpiresAt)])
                .ExecuteAsync(stop);
            await PromiseAsync(day.Key, [.. changed.Where(row => row.BecomesKnown)], stop);
        }
    }

    /// <summary>Adds what is learnt to `outcomes`.</summary>
    public Task AppendAsync(List<LedgerRow> rows, CancellationToken stop) => CopyAsync(
        "ledger/append", [.. rows.SelectMany(row => row.ToCount, (row, fact) => (row, fact))], AppendAsync, stop);

    public async Task MarkAsync(IReadOnlyList<BlindMark> marks, CancellationToken stop)
    {
        foreach (var mark in marks.OrderBy(mark => mark.Dispatcher, StringComparer.Ordinal).ThenBy(mark => mark.OpenedAt).ThenBy(mark => mark.Partition))
        {
            await connection.Statement("ledger/blind_pass", transaction)
                .Add(mark.Dispatcher).Add(mark.OpenedAt).Add(mark.Partition).Add(mark.Partitions).Add(mark.PassedAt).ExecuteAsync(stop);
        }
    }

    private async Task PromiseAsync(DateOnly day, LedgerRow[] rows, CancellationToken stop)
    {
        if (rows.Length > 0)
        {
            await connection.Statement("ledger/promise", transaction)
                .Add(day)
                .Add([.. rows.Select(row => row.Id.ToGuid())])
                .Add([.. rows.Select(row => row.Promise.RequestId)])
                .Add([.. rows.Select(row => row.Promise.Tenant)])
                .Add([.. rows.Select(row => (short)row.Promise.Class)])
                .Add([.. rows.Select(row => (short)row.Promise.Channel)])
                .Add([.. rows.Select(row => row.Promise.RecipientKey)])
                .Add([.. rows.Select(row => row.Promise.Campaign)])
                .Add([.. rows.Select(row => string.Join(LabelSeparator, row.Promise.Labels))])
                .Add([.. rows.Select(row => row.Promise.AcceptedAt)])
                .Add([.. rows.Select(row => row.Promise.ExpiresAt)])
                .ExecuteAsync(stop);
        }
    }

    private async Task CopyAsync<T>(string statement, IReadOnlyCollection<T> rows, Func<NpgsqlBinaryImporter, T, CancellationToken, Task> write, CancellationToken stop)
    {
        if (rows.Count == 0)
        {
            return;
        }

        await using var copy = await connection.CopyAsync(statement, stop);
        foreach (var row in rows)
        {
            await copy.StartRowAsync(stop);
            await write(copy, row, stop);
        }

        await copy.CompleteAsync(stop);
    }

    private static async Task InsertAsync(NpgsqlBinaryImporter copy, LedgerRow row, CancellationToken stop)
    {
        var promise = row.Promise;
        await copy.WriteAsync(row.Id.Day, NpgsqlDbType.Date, stop);
        await copy.WriteAsync(row.Id.ToGuid(), NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(promise.RequestId, NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(promise.Tenant, NpgsqlDbType.Text, stop);
        await copy.WriteAsync((short)promise.Class, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync((short)promise.Channel, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(promise.RecipientKey, NpgsqlDbType.Bytea, stop);
        await copy.WriteAsync(promise.Campaign, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(promise.Labels, NpgsqlDbType.Array | NpgsqlDbType.Text, stop);
        await copy.WriteAsync(promise.AcceptedAt, NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync(promise.ExpiresAt, NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync(row.Expected, NpgsqlDbType.Boolean, stop);
        await copy.WriteAsync((short)row.State, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(row.StateAt, NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync(row.Reason, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(row.Provider, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(row.Lane, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(row.Attempts, NpgsqlDbType.Integer, stop);
        await copy.WriteAsync(row.Segments, NpgsqlDbType.Integer, stop);
        await copy.WriteAsync((short)row.CapCheck, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(row.Timeline, NpgsqlDbType.Bytea, stop);
    }

    private static async Task AppendAsync(NpgsqlBinaryImporter copy, (LedgerRow Row, Outcome Fact) learnt, CancellationToken stop)
    {
        var (row, fact) = learnt;
        await copy.WriteAsync(row.Id.Day, NpgsqlDbType.Date, stop);
        await copy.WriteAsync(row.Id.ToGuid(), NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(row.Promise.Tenant, NpgsqlDbType.Text, stop);
        await copy.WriteAsync((short)fact.Kind, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(Promise.Time(fact.At), NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync((long)fact.AttemptEpoch, NpgsqlDbType.Bigint, stop);
        await copy.WriteAsync((int)fact.Attempt, NpgsqlDbType.Integer, stop);
        await copy.WriteAsync(fact.SourceId, NpgsqlDbType.Text, stop);
        await copy.WriteAsync((short)fact.Verdict, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync((short)fact.Scope, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(fact.Reason, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(fact.Provider, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(fact.Lane, NpgsqlDbType.Text, stop);
        await copy.WriteAsync((short)fact.State, NpgsqlDbType.Smallint, stop);
        await copy.WriteAsync(fact.ProviderMessageId, NpgsqlDbType.Text, stop);
        await copy.WriteAsync((int)fact.Segments, NpgsqlDbType.Integer, stop);
    }

    private static Known Read(NpgsqlDataReader row) => new(
        new Promise(
            row.IsDBNull(1) ? null : row.GetGuid(1), row.GetString(2), (TrafficClass)row.GetInt16(3), (Channel)row.GetInt16(4), row.GetFieldValue<byte[]>(5), row.GetString(6),
            row.GetFieldValue<string[]>(7), row.GetDateTime(8), row.IsDBNull(9) ? null : row.GetDateTime(9)),
        row.GetBoolean(10), row.GetFieldValue<byte[]>(11));
}
