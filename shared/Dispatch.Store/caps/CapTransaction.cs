using Dispatch.Contracts;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>A recipient's row as it lies in the table.</summary>
/// <param name="At">Where it lies; stays true while the row is locked.</param>
readonly record struct CapRow(Guid RecipientKey, NpgsqlTid At, byte[] Places);

/// <summary>The statements of one transaction over <c>caps</c>.</summary>
sealed class CapTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction)
{
    /// <returns>The rows that exist, locked until the transaction ends.</returns>
    public Task<List<CapRow>> LockAsync(Guid[] recipientKeys, CancellationToken stop) =>
        connection.Statement("caps/lock", transaction).Add(recipientKeys).ListAsync(row => new CapRow(row.GetGuid(0), row.GetFieldValue<NpgsqlTid>(1), row.GetFieldValue<byte[]>(2)), stop);

    public async Task StoreAsync(List<CapRow> rows, CancellationToken stop)
    {
        if (rows.Count > 0)
        {
            var at = connection.Statement("caps/store", transaction).Add([.. rows.Select(row => $"({row.At.BlockNumber},{row.At.OffsetNumber})")]);
            await Filled(at, rows).ExecuteAsync(stop);
        }
    }

    /// <returns>The keys of those that were not added, because somebody else added them meanwhile.</returns>
    public async Task<Guid[]> AddAsync(List<CapRow> rows, CancellationToken stop)
    {
        if (rows.Count == 0)
        {
            return [];
        }

        var keys = connection.Statement("caps/add", transaction).Add(rows.ConvertAll(row => row.RecipientKey).ToArray());
        var added = await Filled(keys, rows).ListAsync(row => row.GetGuid(0), stop);
        return added.Count == rows.Count ? [] : [.. rows.Select(row => row.RecipientKey).Except(added)];
    }

    private static Statement Filled(Statement statement, List<CapRow> rows)
    {
        var (places, until) = (new byte[]?[rows.Count], new long[rows.Count]);
        for (var i = 0; i < rows.Count; i++)
        {
            (places[i], until[i]) = (rows[i].Places, Until(rows[i].Places));
        }

        return statement.Add(places).Add(until);
    }

    private static long Until(byte[] places)
    {
        var until = 0u;
        foreach (ref readonly var place in CapPlace.Read(places))
        {
            until = Math.Max(until, place.Until);
        }

        return until;
    }
}
