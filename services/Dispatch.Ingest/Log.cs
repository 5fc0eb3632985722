namespace Dispatch.Ingest;

static partial class Log // 4000-4099
{
    [LoggerMessage(4001, LogLevel.Error, "A call failed in a way that nobody foresaw; answered 500 (request {RequestId})")]
    public static partial void Unforeseen(this ILogger log, Exception exception, string requestId);

    [LoggerMessage(4002, LogLevel.Warning, "The log cannot be written, callers are told to come again: {Reason}")]
    public static partial void LogUnwritable(this ILogger log, string reason);

    [LoggerMessage(4003, LogLevel.Information, "The log can be written again")]
    public static partial void LogWritable(this ILogger log);

    [LoggerMessage(4010, LogLevel.Information, "Idempotency keys are checked against the store; {Restored} were read from the log first, after {Blind}")]
    public static partial void KeysChecked(this ILogger log, int restored, TimeSpan blind);

    [LoggerMessage(4011, LogLevel.Warning, "Idempotency keys are not checked against the store, what goes through is marked: {Reason}")]
    public static partial void KeysDeferred(this ILogger log, string reason);

    [LoggerMessage(4012, LogLevel.Information, "Idempotency key {Key} of {Since} was taken over: its first call did not settle it")]
    public static partial void KeyTakenOver(this ILogger log, Guid key, DateTimeOffset since);

    [LoggerMessage(4013, LogLevel.Warning, "idempotency_conflict: two bodies were accepted under key {Key} while the store was away")]
    public static partial void KeyConflict(this ILogger log, Guid key);

    [LoggerMessage(4014, LogLevel.Warning, "Cannot read {Path}, which says since when keys were not checked")]
    public static partial void BlindnessUnreadable(this ILogger log, Exception exception, string path);

    [LoggerMessage(4015, LogLevel.Warning, "Cannot write {Path}, which says since when keys were not checked")]
    public static partial void BlindnessUnwritable(this ILogger log, Exception exception, string path);

    [LoggerMessage(4016, LogLevel.Debug, "Idempotency keys were not swept: {Reason}")]
    public static partial void KeysNotSwept(this ILogger log, string reason);

    [LoggerMessage(4040, LogLevel.Error, "The brokers acknowledge nothing since {Since:O}; what comes goes to the spool")]
    public static partial void OutageDeclared(this ILogger log, DateTimeOffset since);

    [LoggerMessage(4041, LogLevel.Warning, "The brokers are back after {Outage}; {Records} records in the spool are drained")]
    public static partial void OutageOver(this ILogger log, TimeSpan outage, long records);

    [LoggerMessage(4042, LogLevel.Warning, "{Count} partitions acknowledge nothing; what is for them goes to the spool: {Partitions}")]
    public static partial void PartitionsOut(this ILogger log, int count, string partitions);

    [LoggerMessage(4043, LogLevel.Information, "{Records} records of an earlier process are in the spool {Folder}, and are drained")]
    public static partial void SpoolRecalled(this ILogger log, long records, string folder);

    [LoggerMessage(4044, LogLevel.Warning, "What was drained cannot be noted in the spool; it is tried again: {Why}")]
    public static partial void SpoolPositionLost(this ILogger log, string why);

    [LoggerMessage(4045, LogLevel.Critical, "The spool is not drained: a fault that nobody foresaw; it is begun anew")]
    public static partial void DrainFellOver(this ILogger log, Exception exception);

    [LoggerMessage(4046, LogLevel.Warning, "{Records} records are left in the spool {Folder}: start Ingest again on it, or have it adopted")]
    public static partial void SpoolLeft(this ILogger log, long records, string folder);

    [LoggerMessage(4020, LogLevel.Information, "First API key made for tenant {Tenant}; its text is in {Path}")]
    public static partial void FirstKeyMade(this ILogger log, string tenant, string path);

    [LoggerMessage(4021, LogLevel.Information, "API keys come from the snapshot of {At:O}: {Reason}")]
    public static partial void KeysFromSnapshot(this ILogger log, DateTimeOffset at, string reason);

    [LoggerMessage(4022, LogLevel.Information, "API keys come from the store, {Count} of them")]
    public static partial void KeysFromStore(this ILogger log, int count);

    [LoggerMessage(4023, LogLevel.Warning, "The snapshot of API keys {Path} cannot be used")]
    public static partial void KeySnapshotUnusable(this ILogger log, Exception exception, string path);

    [LoggerMessage(4030, LogLevel.Warning, "A receipt for lane {Lane} was refused: its signature does not fit {Url}; said once a minute")]
    public static partial void ReceiptForged(this ILogger log, string lane, string url);

    [LoggerMessage(4031, LogLevel.Warning, "A receipt for lane {Lane} was refused: {Reason}")]
    public static partial void ReceiptRefused(this ILogger log, string lane, string reason);

    [LoggerMessage(4060, LogLevel.Warning, "New records go by the weights {Weights}: {Reason}")]
    public static partial void WeightsMoved(this ILogger log, string weights, string reason);

    [LoggerMessage(4061, LogLevel.Error, "The weights {Weights} cannot be followed here, the ones before hold: {Why}")]
    public static partial void WeightsRefused(this ILogger log, string weights, string why);

    [LoggerMessage(4062, LogLevel.Error, "A diversion was taken back to {Weights}: {Why}")]
    public static partial void RolledBack(this ILogger log, string weights, string why);

    [LoggerMessage(4063, LogLevel.Error, "The store did not take that a diversion was taken back: it holds for this instance, others see for themselves. {Why}")]
    public static partial void RollbackIsLocal(this ILogger log, Exception exception, string why);

    [LoggerMessage(4065, LogLevel.Warning, "Cluster {Cluster} gets nothing new and has acknowledged nothing for {For}: what was on its way is given up, and drained from the spool to where new records go")]
    public static partial void AppendsGivenUp(this ILogger log, string cluster, TimeSpan @for);

    [LoggerMessage(4064, LogLevel.Error, "Following the diversion failed; it is tried again")]
    public static partial void DiversionFellOver(this ILogger log, Exception exception);

    [LoggerMessage(4070, LogLevel.Information, "Calls could not be rehearsed, so the first ones may take a second: {Why}")]
    public static partial void NotRehearsed(this ILogger log, string why);
}
