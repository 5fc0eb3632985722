using System.Diagnostics;
using Dispatch.Contracts;
using Npgsql;

namespace Dispatch.Store;

/// <summary>
/// Where every message stands, and what is counted.
/// Promise: a batch, everything that follows from it (states, outcomes, statistics, releases, suppressions) and the positions behind it become visible together or not at all;
/// a fact that the ledger has seen before changes nothing. So a record may be read as often as one likes, in any order, by several processes at once.
/// </summary>
/// <param name="order">Which fact about a message decides its state: the greatest. A total order (Policy has it).</param>
/// <param name="clock">For today, which bounds the days that are kept.</param>
/// <param name="retentionDays"><see cref="StoreOptions.RetentionDays"/>.</param>
public sealed class Ledger(Database database, IComparer<Outcome> order, TimeProvider clock, int retentionDays)
{
    private const int RacesMax = 20;

    /// <summary>A new day takes some ten locks in each of the day tables, held until its transaction ends; the server has a fixed number of them for everybody.</summary>
    private const int DaysAtOnceMax = 4;

    private readonly HashSet<DateOnly> _days = [];

    /// <summary>One transaction for the batch. After an exception nothing of it is visible, or the connection broke and nobody knows; applying it again is safe.</summary>
    /// <param name="reader">Under whose name the positions are kept.</param>
    /// <exception cref="StalePositionException">Somebody else moved a position of the batch; nothing was changed.</exception>
    /// <exception cref="DayNotKeptException">A record of the batch is about a day that the store does not keep; nothing was changed.</exception>
    public async Task<LedgerResult> ApplyAsync(string reader, LedgerBatch batch, CancellationToken stop)
    {
        var begin = Stopwatch.GetTimestamp();
        var window = DayWindow.Around(DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime), retentionDays);
        var days = window.Checked(Days(batch));
        await using var connection = await database.OpenAsync(stop);
        for (var tries = 1; ; tries++)
        {
            try
            {
                await EnsureDaysAsync(connection, days, stop); // each few in a transaction of their own
                var result = await TryAsync(connection, reader, batch, window, stop);
                Telemetry.Applied(batch.Count, result, Stopwatch.GetElapsedTime(begin));
                return result;
            }
            catch (PostgresException e) when (tries < RacesMax && IsRace(e))
            {
                // A row that was missing when we looked is there now, or a day that was there is gone: what was decided on that is decided again.
                lock (_days)
                {
                    _days.Clear();
                }
            }
        }
    }

    private async Task<LedgerResult> TryAsync(NpgsqlConnection connection, string reader, LedgerBatch batch, DayWindow window, CancellationToken stop)
    {
        await using var transaction = await connection.BeginTransactionAsync(stop);
        var store = new LedgerTransaction(connection, transaction);
        await Positions.AdvanceAsync(connection, transaction, reader, batch.Moves, stop);
        var events = await store.InsertAsync(batch.Events, stop);
        var known = await store.LockAsync(IdsOf(batch, events), stop);

        var effects = new LedgerEffects();
        var engagements = effects.Place(events, batch, known, window);
        var rows = Merged(batch, engagements, known);
        foreach (var row in rows)
        {
            effects.Add(row);
        }

        await EnsureDaysAsync(connection, window.Checked(effects.Stats.Days), stop); // normally there: see Days
        await store.WriteAsync(rows, stop);
        await store.AppendAsync(rows, stop);
        await effects.Stats.WriteAsync(connection, transaction, stop);
        await store.MarkAsync(batch.Marks, stop);
        await SuppressionStore.AddAsync(connection, transaction, effects.Suppressions, stop);
        await CapLedger.ReleaseAsync(connection, transaction, effects.Releases, stop); // last: the order of locks
        await transaction.CommitAsync(CancellationToken.None); // a commit that was sent is waited for: giving up would leave nobody knowing
        return new LedgerResult(rows.Count(row => row.NewlyExpected), rows.Sum(row => row.ToCount.Count), events.Count);
    }

    private List<LedgerRow> Merged(LedgerBatch batch, Dictionary<Id, MessageNews> engagements, Dictionary<Id, Known> known)
    {
        var rows = new List<LedgerRow>(batch.Messages.Count);
        foreach (var (id, news) in batch.Messages)
        {
            engagements.Remove(id, out var more);
            if (LedgerRow.Merge(id, known.GetValueOrDefault(id), more is null ? news : news.With(more), order) is { } row)
            {
                rows.Add(row);
            }
        }

        foreach (var (id, news) in engagements)
        {
            if (LedgerRow.Merge(id, known[id], news, order) is { } row)
            {
                rows.Add(row);
            }
        }

        rows.Sort((left, right) => left.Id.CompareTo(right.Id)); // the day first, then the order in which rows are locked
        return rows;
    }

    private static IEnumerable<Id> IdsOf(LedgerBatch batch, IReadOnlyList<Event> events) =>
        batch.Messages.Keys.Union(events.Where(happened => happened.MessageId.Length == Id.Size).Select(happened => Id.From(happened.MessageId.Span)));

    /// <summary>Of the messages and events themselves, and of the minutes that will be counted.</summary>
    private static HashSet<DateOnly> Days(LedgerBatch batch)
    {
        var days = new HashSet<DateOnly>();
        foreach (var (id, news) in batch.Messages)
        {
            days.Add(id.Day);
            days.UnionWith(news.Facts.Select(fact => DateOnly.FromDateTime(Promise.Time(fact.At))));
            if (news is { Expected: true, Promise: { } promise })
            {
                days.Add(DateOnly.FromDateTime(promise.AcceptedAt));
            }
        }

        days.UnionWith(batch.Events.Select(happened => Id.DateOf(happened.Day)));
        return days;
    }

    private async Task EnsureDaysAsync(NpgsqlConnection connection, IEnumerable<DateOnly> wanted, CancellationToken stop)
    {
        DateOnly[] missing;
        lock (_days)
        {
            missing = [.. wanted.Where(day => !_days.Contains(day)).Order()];
        }

        foreach (var few in missing.Chunk(DaysAtOnceMax))
        {
            await connection.Statement("schema/ensure_days").Add(few).ExecuteAsync(stop);
            lock (_days)
            {
                _days.UnionWith(few);
            }
        }
    }

    private static bool IsRace(PostgresException e) => e.SqlState is PostgresErrorCodes.UniqueViolation
        || (e.SqlState is PostgresErrorCodes.CheckViolation && e.MessageText.Contains("partition", StringComparison.Ordinal));
}

/// <param name="Expected">Messages whose request was new.</param>
/// <param name="Facts">Facts that were new.</param>
/// <param name="Events">SDK events that were new.</param>
public sealed record LedgerResult(int Expected, int Facts, int Events);
