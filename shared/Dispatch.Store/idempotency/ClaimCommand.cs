using System.Diagnostics.CodeAnalysis;
using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store.Idempotency;

/// <summary>One of the two statements that claim keys, prepared once and kept: it runs for every call.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "a command holds nothing that its connection does not release")]
sealed class ClaimCommand
{
    private readonly NpgsqlCommand _command;
    private readonly NpgsqlParameter<Guid[]> _keys = new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid };
    private readonly NpgsqlParameter<Guid[]> _bodies = new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid };
    private readonly NpgsqlParameter<Guid> _claim = new() { NpgsqlDbType = NpgsqlDbType.Uuid };
    private readonly NpgsqlParameter<DateTime> _now = new() { NpgsqlDbType = NpgsqlDbType.TimestampTz };
    private readonly NpgsqlParameter<DateTime> _leaseUntil = new() { NpgsqlDbType = NpgsqlDbType.TimestampTz };
    private readonly NpgsqlParameter<Guid[]> _settled = new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid };
    private readonly NpgsqlParameter<DateTime[]> _firstAt = new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz };

    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "the text is one of our own compiled-in files")]
    public ClaimCommand(NpgsqlConnection connection, string name, TimeSpan limit)
    {
        _command = new NpgsqlCommand(Sql.Text(name), connection) { CommandTimeout = (int)limit.TotalSeconds };
        _command.Parameters.AddRange(new NpgsqlParameter[] { _keys, _bodies, _claim, _now, _leaseUntil, _settled, _firstAt });
    }

    public Task PrepareAsync(CancellationToken stop) => _command.PrepareAsync(stop);

    /// <returns>How many keys were inserted.</returns>
    public Task<int> RunAsync(
        Guid[] keys, Guid[] bodies, DateTime[] firstAt, Guid claim, Guid[] settled, DateTimeOffset now, DateTimeOffset leaseUntil, CancellationToken stop)
    {
        (_keys.TypedValue, _bodies.TypedValue, _firstAt.TypedValue, _settled.TypedValue) = (keys, bodies, firstAt, settled);
        (_claim.TypedValue, _now.TypedValue, _leaseUntil.TypedValue) = (claim, now.UtcDateTime, leaseUntil.UtcDateTime);
        return _command.ExecuteNonQueryAsync(stop);
    }
}
