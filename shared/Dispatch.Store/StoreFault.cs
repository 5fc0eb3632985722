using System.Net.Sockets;
using Google.Protobuf;
using Npgsql;

namespace Dispatch.Store;

/// <summary>The one place that tells lost infrastructure (pause, keep the position, go on later) from a bug (try again, then quarantine).</summary>
public static class StoreFault
{
    /// <summary>
    /// True: the store is away, starting, refuses writes, is full, or asks to be tried again; nothing was changed, or the connection broke and nobody knows.
    /// False: repeating the same statement would fail the same way.
    /// </summary>
    public static bool IsUnavailable(Exception exception) => exception switch
    {
        StoreNotReadyException => true,
        InvalidProtocolBufferException => false, // an IOException by descent, a broken record by nature
        PostgresException postgres => IsUnavailable(postgres.SqlState),
        NpgsqlOperationInProgressException => false,
        NpgsqlException npgsql => npgsql.IsTransient || npgsql.InnerException is null or IOException or SocketException or TimeoutException,
        IOException or SocketException or TimeoutException => true,
        _ => false,
    };

    // Source: PostgreSQL 15 documentation, appendix A, "PostgreSQL Error Codes".
    private static bool IsUnavailable(string sqlState) => sqlState switch
    {
        PostgresErrorCodes.ReadOnlySqlTransaction => true, // a replica, or default_transaction_read_only
        PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow => true,
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => true,
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled => true,
        PostgresErrorCodes.IoError => true,
        PostgresErrorCodes.ObjectNotInPrerequisiteState => true, // the database takes no connections just now
        PostgresErrorCodes.InvalidCatalogName => true, // the private server answers before its database is made
        // "Out of shared memory", "too many locks": nearly always the statement's own size, and half of it would go through. Waiting would repeat it for ever.
        PostgresErrorCodes.OutOfMemory => false,
        _ => sqlState.StartsWith("08", StringComparison.Ordinal) // connection exception
            || sqlState.StartsWith("53", StringComparison.Ordinal), // insufficient resources: disk full, too many connections
    };
}

/// <summary>The schema does not stand yet: the server is away since the start, or its migrations are still running.</summary>
public sealed class StoreNotReadyException(string message) : Exception(message);
