using Dispatch.Contracts;
using Npgsql;

namespace Dispatch.Store;

/// <summary>Decides a recipient's row while it is locked.</summary>
/// <param name="places">What it holds, <see cref="CapPlace"/>; empty for a recipient without a row.</param>
/// <returns>What it is to hold; null: nothing changes.</returns>
public delegate CapPlace[]? CapDecide(Guid recipientKey, ReadOnlySpan<CapPlace> places);

/// <summary>
/// The reservation ledger of caps: a row for each recipient with its places under all rules.
/// Promise: who decides here decides alone, on what is true then. Everybody locks in the order of the keys and takes these locks last in a transaction,
/// so that nobody waits for another in a circle.
/// </summary>
public static class CapLedger
{
    /// <summary>
    /// Locks the rows of a batch, lets them be decided, and writes them: one transaction, two statements, or three where there are new recipients.
    /// A recipient whose row somebody else makes meanwhile is decided again, in a transaction of its own.
    /// After an exception nobody knows whether it was written; repeating is safe if <paramref name="decide"/> knows its own places again.
    /// </summary>
    /// <param name="recipientKeys">Distinct, in any order.</param>
    public static async Task DecideAsync(NpgsqlConnection connection, Guid[] recipientKeys, CapDecide decide, CancellationToken stop)
    {
        for (var left = recipientKeys; left.Length > 0;)
        {
            await using var transaction = await connection.BeginTransactionAsync(stop);
            var caps = new CapTransaction(connection, transaction);
            var found = await caps.LockAsync(left, stop);
            var missing = Missing(left, found);
            left = await caps.AddAsync(Decided(missing, decide), stop); // before the update: an insert elsewhere waits for rows that we wrote, not for those that we only locked
            await caps.StoreAsync(Decided(found, decide), stop);
            await transaction.CommitAsync(CancellationToken.None);
        }
    }

    /// <summary>
    /// Gives places back, on proof that nothing was sent. Repeating it, or naming a message that has no place, changes nothing.
    /// At most once in a transaction, and as its last statements: see the order of locks above.
    /// </summary>
    /// <param name="released">In any order, with repeats.</param>
    public static async Task ReleaseAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<(byte[] RecipientKey, Guid MessageId)> released, CancellationToken stop = default)
    {
        if (released.Count == 0)
        {
            return;
        }

        var messages = released
            .GroupBy(it => new Guid(it.RecipientKey, bigEndian: true), it => CapPlace.KeyOf(Id.FromGuid(it.MessageId)))
            .ToDictionary(it => it.Key, it => it.ToHashSet());
        var caps = new CapTransaction(connection, transaction);
        var found = await caps.LockAsync([.. messages.Keys], stop);
        await caps.StoreAsync(Decided(found, (key, places) => Without(places, messages[key])), stop);
    }

    /// <summary>Drops rows whose places have all ended.</summary>
    /// <returns>How many.</returns>
    public static async Task<long> SweepAsync(Database database, DateTimeOffset now, CancellationToken stop)
    {
        const int AtOnce = 10_000;
        await using var connection = await database.OpenAsync(stop);
        for (var dropped = 0L; ;)
        {
            var some = await connection.Statement("caps/sweep").Add(now.ToUnixTimeSeconds()).Add(AtOnce).ExecuteAsync(stop);
            dropped += some;
            if (some < AtOnce)
            {
                return dropped;
            }
        }
    }

    private static CapPlace[]? Without(ReadOnlySpan<CapPlace> places, HashSet<ulong> messages)
    {
        var left = places.ToArray().Where(place => !messages.Contains(place.Message)).ToArray();
        return left.Length < places.Length ? left : null;
    }

    private static List<CapRow> Decided(List<CapRow> rows, CapDecide decide)
    {
        var decided = new List<CapRow>(rows.Count);
        foreach (var row in rows)
        {
            if (decide(row.RecipientKey, CapPlace.Read(row.Places)) is { } places)
            {
                decided.Add(row with { Places = CapPlace.Write(places) });
            }
        }

        return decided;
    }

    private static List<CapRow> Missing(Guid[] keys, List<CapRow> found)
    {
        if (found.Count == keys.Length)
        {
            return [];
        }

        var known = found.Select(row => row.RecipientKey).ToHashSet();
        return [.. keys.Where(key => !known.Contains(key)).Select(key => new CapRow(key, []))];
    }
}
