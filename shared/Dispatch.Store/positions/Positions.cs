using Npgsql;

namespace Dispatch.Store;

/// <summary>Somebody else moved a position meanwhile: whoever reads that partition here must stop, or read the positions again.</summary>
public sealed class StalePositionException(string message) : Exception(message);

/// <summary>The positions of readers whose results are in this database; authoritative, because they move in the transaction of what they produced.</summary>
public sealed class Positions(Database database)
{
    public async Task<IReadOnlyDictionary<(string ClusterId, string Topic, int Partition), long>> ReadAsync(string reader, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        var rows = await connection.Statement("positions/read").Add(reader)
            .ListAsync(row => (Key: (row.GetString(0), row.GetString(1), row.GetInt32(2)), Next: row.GetInt64(3)), stop);
        return rows.ToDictionary(row => row.Key, row => row.Next);
    }

    /// <exception cref="StalePositionException">One of them is not where its reader found it; the transaction must be given up.</exception>
    internal static async Task AdvanceAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, string reader, IReadOnlyList<PositionMove> moves, CancellationToken stop)
    {
        if (moves.Count == 0)
        {
            return;
        }

        var sorted = moves.OrderBy(move => (move.ClusterId, move.Topic, move.Partition)).ToArray();
        var moved = await connection.Statement("positions/advance", transaction)
            .Add(reader)
            .Add([.. sorted.Select(move => move.ClusterId)])
            .Add([.. sorted.Select(move => move.Topic)])
            .Add([.. sorted.Select(move => move.Partition)])
            .Add([.. sorted.Select(move => move.From ?? -1)])
            .Add([.. sorted.Select(move => move.Next)])
            .ScalarAsync<long>(stop);
        if (moved != sorted.Length)
        {
            throw new StalePositionException($"of {sorted.Length} positions of {reader} {sorted.Length - moved} had been moved by somebody else");
        }
    }
}
