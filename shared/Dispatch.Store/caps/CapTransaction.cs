using Dispatch.Contracts;
using Npgsql;

namespace Dispatch.Store;

/// <summary>A recipient's row as it lies in the table.</summary>
readonly record struct CapRow(Guid RecipientKey, byte[] Places);

/// <summary>The statements of one transaction over <c>caps</c>.</summary>
sealed class CapTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction)
{
    /// <returns>The rows that exist, locked until the transaction ends.</returns>
    public Task<List<CapRow>> LockAsync(Guid[] recipientKeys, CancellationToken stop) =>
        connection.Statement("caps/lock", transaction).Add(recipientKeys).ListAsync(row => new CapRow(row.GetGuid(0), row.GetFieldValue<byte[]>(1)), stop);

    public async Task StoreAsync(List<CapRow> rows, CancellationToken stop)
    {
        if (rows.Count > 0)
        {
            await Filled("caps/store", rows).ExecuteAsync(stop);
        }
    }

    /// <returns>The keys of those that were not added, because somebody else added them meanwhile.</returns>
    public async Task<Guid[]> AddAsync(List<CapRow> rows, CancellationToken stop)
    {
        if (rows.Count == 0)
        {
            return [];
        }

        var added = await Filled("caps/add", rows).ListAsync(row => row.GetGuid(0), stop);
        return added.Count == rows.Count ? [] : [.. rows.Select(row => row.RecipientKey).Except(added)];
    }

    private Statement Filled(string statement, List<CapRow> rows)
    {
        var (keys, places, until) = (new Guid[rows.Count], new byte[]?[rows.Count], new long[rows.Count]);
        for (var i = 0; i < rows.Count; i++)
        {
            (keys[i], places[i], until[i]) = (rows[i].RecipientKey, rows[i].Places, Until(rows[i].Places));
        }

        return connection.Statement(statement, transaction).Add(keys).Add(places).Add(until);
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
