namespace Dispatch.Router;

static partial class Log // 5000-5999
{
    [LoggerMessage(5000, LogLevel.Debug, "Routes {Topic}/{Partition} from {Offset}")]
    public static partial void Routes(this ILogger log, string topic, int partition, long offset);

    [LoggerMessage(5001, LogLevel.Warning, "{Topic}/{Partition} waits for lost infrastructure: {Reason}")]
    public static partial void InfrastructureLost(this ILogger log, Exception exception, string topic, int partition, string reason);

    [LoggerMessage(5002, LogLevel.Information, "{Topic}/{Partition} belongs to another process now: {Reason}")]
    public static partial void LeaseLost(this ILogger log, string topic, int partition, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "{Topic}/{Partition}: the record at {Offset} threw, {Tries} times now")]
    public static partial void RecordThrew(this ILogger log, Exception exception, string topic, int partition, long offset, int tries);

    [LoggerMessage(5004, LogLevel.Error, "{Topic}/{Partition}: the record at {Offset} is in quarantine ({Exception}); its neighbours go on")]
    public static partial void Quarantined(this ILogger log, string topic, int partition, long offset, string exception);

    [LoggerMessage(5005, LogLevel.Error, "The group of the Router ended with an exception and joins again")]
    public static partial void GroupEnded(this ILogger log, Exception exception);

    [LoggerMessage(5010, LogLevel.Warning, "No copy of suppressions and cap rules yet, and PostgreSQL has not answered: nothing is routed until one of them is there")]
    public static partial void WaitsForCopies(this ILogger log);

    [LoggerMessage(5011, LogLevel.Warning, "Suppressions and cap rules are not heard of any more, the last copy is used: {Reason}")]
    public static partial void CopiesStale(this ILogger log, string reason);

    [LoggerMessage(5012, LogLevel.Information, "{Count} suppressed addresses read from the copy on disk")]
    public static partial void SuppressionsLoaded(this ILogger log, int count);

    [LoggerMessage(5013, LogLevel.Warning, "The copy of the suppressions on disk cannot be read")]
    public static partial void SuppressionsUnreadable(this ILogger log, Exception exception);

    [LoggerMessage(5014, LogLevel.Warning, "The copy of the suppressions on disk cannot be written; a restart without PostgreSQL would use an older one")]
    public static partial void SuppressionsUnwritable(this ILogger log, Exception exception);

    [LoggerMessage(5015, LogLevel.Warning, "The copy of the cap rules on disk cannot be read")]
    public static partial void CapRulesUnreadable(this ILogger log, Exception exception);

    [LoggerMessage(5016, LogLevel.Warning, "The copy of the cap rules on disk cannot be written; a restart without PostgreSQL would use an older one")]
    public static partial void CapRulesUnwritable(this ILogger log, Exception exception);

    [LoggerMessage(5020, LogLevel.Debug, "{Rows} rows of the cap ledger had ended and were dropped")]
    public static partial void LedgerSwept(this ILogger log, long rows);

    [LoggerMessage(5030, LogLevel.Information, "{Topic}/{Partition}: {Released} parked messages go on")]
    public static partial void Released(this ILogger log, string topic, int partition, int released);

    [LoggerMessage(5040, LogLevel.Warning, "{Topic}/{Partition} of another cluster {What}")]
    public static partial void TwinsUnseen(this ILogger log, string topic, int partition, string what);
}
