using System.Diagnostics.CodeAnalysis;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store;

/// <summary>
/// One of our SQL files with its parameters, in the order $1, $2, ... Typed arrays for `unnest`: one statement for a thousand rows.
/// It is prepared at its first run on a connection and stays so. Runs once.
/// </summary>
/// <example><code>
/// await connection.Statement("caps/store", transaction).Add(keys).Add(places).ExecuteAsync(stop);
/// </code></example>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a _command holds nothing that its connection does not release")]
public sealed class Statement
{
    private readonly NpgsqlCommand _command;

    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "the text is one of our own compiled-in files")]
    internal Statement(NpgsqlConnection connection, NpgsqlTransaction? transaction, string name) => _command = new NpgsqlCommand(Sql.Text(name), connection, transaction);

    public Statement Add(Guid value) => Add(value, NpgsqlDbType.Uuid);

    public Statement Add(Guid[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Uuid);

    public Statement Add(Guid?[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Uuid);

    public Statement Add(byte[]? value) => Add(value, NpgsqlDbType.Bytea);

    public Statement Add(byte[]?[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Bytea);

    public Statement Add(string? value) => Add(value, NpgsqlDbType.Text);

    public Statement Add(string?[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Text);

    public Statement Add(bool value) => Add(value, NpgsqlDbType.Boolean);

    public Statement Add(bool[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Boolean);

    public Statement Add(short value) => Add(value, NpgsqlDbType.Smallint);

    public Statement Add(short[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Smallint);

    public Statement Add(int value) => Add(value, NpgsqlDbType.Integer);

    public Statement Add(int[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Integer);

    public Statement Add(long value) => Add(value, NpgsqlDbType.Bigint);

    public Statement Add(long[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Bigint);

    public Statement Add(DateOnly value) => Add(value, NpgsqlDbType.Date);

    public Statement Add(DateOnly[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.Date);

    /// <summary>UTC; PostgreSQL keeps microseconds.</summary>
    public Statement Add(DateTimeOffset value) => Add(value.UtcDateTime, NpgsqlDbType.TimestampTz);

    /// <summary>Each of kind UTC.</summary>
    public Statement Add(DateTime[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.TimestampTz);

    /// <summary>Each of kind UTC, or null.</summary>
    public Statement Add(DateTime?[] values) => Add(values, NpgsqlDbType.Array | NpgsqlDbType.TimestampTz);

    public Statement AddNullable<T>(T? value, NpgsqlDbType type)
        where T : struct
    {
        _command.Parameters.Add(new NpgsqlParameter { Value = value.HasValue ? value.Value : DBNull.Value, NpgsqlDbType = type });
        return this;
    }

    /// <summary>Any other type.</summary>
    public Statement Add<T>(T value, NpgsqlDbType type)
    {
        _command.Parameters.Add(value is null
            ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = type }
            : new NpgsqlParameter<T> { TypedValue = value, NpgsqlDbType = type });
        return this;
    }

    /// <summary>Gives up after so long, whole seconds; a server that stands still looks like one that is away.</summary>
    public Statement Within(TimeSpan limit)
    {
        _command.CommandTimeout = (int)limit.TotalSeconds;
        return this;
    }

    public async Task<int> ExecuteAsync(CancellationToken stop)
    {
        await _command.PrepareAsync(stop);
        return await _command.ExecuteNonQueryAsync(stop);
    }

    public async Task<T?> ScalarAsync<T>(CancellationToken stop)
    {
        await _command.PrepareAsync(stop);
        return await _command.ExecuteScalarAsync(stop) is T value ? value : default;
    }

    /// <summary>The reader must be disposed before the connection's next statement.</summary>
    public async Task<NpgsqlDataReader> QueryAsync(CancellationToken stop)
    {
        await _command.PrepareAsync(stop);
        return await _command.ExecuteReaderAsync(stop);
    }

    public async Task<List<T>> ListAsync<T>(Func<NpgsqlDataReader, T> row, CancellationToken stop)
    {
        var rows = new List<T>();
        await using var reader = await QueryAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            rows.Add(row(reader));
        }

        return rows;
    }
}

public static class StatementExtensions
{
    /// <param name="name">The SQL file without its ending: "caps/lock".</param>
    public static Statement Statement(this NpgsqlConnection connection, string name, NpgsqlTransaction? transaction = null) => new(connection, transaction, name);

    /// <summary>For a file that is a COPY ... FROM STDIN (FORMAT BINARY).</summary>
    public static Task<NpgsqlBinaryImporter> CopyAsync(this NpgsqlConnection connection, string name, CancellationToken stop)
    {
        var text = Sql.Text(name);
        return connection.BeginBinaryImportAsync(text[text.IndexOf("copy ", StringComparison.Ordinal)..], stop); // Npgsql wants no comment before it
    }
}
