using Microsoft.Extensions.Logging;

namespace Dispatch.Store;

static partial class Log // 2000-2999
{
    [LoggerMessage(2000, LogLevel.Information, "Schema stands: {Applied} migrations applied now, version {Version}")]
    public static partial void Migrated(this ILogger log, int applied, int version);

    [LoggerMessage(2001, LogLevel.Critical, "Schema cannot be migrated, the store stays unused until this is mended: {Reason}")]
    public static partial void MigrationRefused(this ILogger log, Exception exception, string reason);

    [LoggerMessage(2002, LogLevel.Debug, "Migrations wait for PostgreSQL: {Reason}")]
    public static partial void MigrationWaits(this ILogger log, string reason);

    [LoggerMessage(2003, LogLevel.Information, "Store can be written, after {Away}")]
    public static partial void StoreWritable(this ILogger log, TimeSpan away);

    [LoggerMessage(2004, LogLevel.Warning, "Store cannot be written: {Reason}")]
    public static partial void StoreNotWritable(this ILogger log, string reason);

    [LoggerMessage(2005, LogLevel.Warning, "Day partitions were not looked after: {Reason}")]
    public static partial void DaysNotKept(this ILogger log, string reason);

    [LoggerMessage(2006, LogLevel.Information, "Day partition {Partition} is past retention and was dropped")]
    public static partial void DayDropped(this ILogger log, string partition);

    [LoggerMessage(2010, LogLevel.Information, "Private PostgreSQL runs in {Folder} after {Took}, process {ProcessId}")]
    public static partial void ServerRuns(this ILogger log, string folder, TimeSpan took, int processId);

    [LoggerMessage(2011, LogLevel.Warning, "Private PostgreSQL in {Folder} is gone; starting it again")]
    public static partial void ServerGone(this ILogger log, string folder);

    [LoggerMessage(2012, LogLevel.Error, "Private PostgreSQL cannot be started, next try in {Rest}: {Reason}")]
    public static partial void ServerNotStarted(this ILogger log, TimeSpan rest, string reason);

    [LoggerMessage(2013, LogLevel.Information, "Private PostgreSQL in {Folder} stopped")]
    public static partial void ServerStopped(this ILogger log, string folder);

    [LoggerMessage(2014, LogLevel.Information, "Private PostgreSQL in {Folder} is looked after by another process")]
    public static partial void ServerOfAnother(this ILogger log, string folder);

    [LoggerMessage(2015, LogLevel.Warning, "Private PostgreSQL was not stopped in good order: {Reason}")]
    public static partial void ServerNotStopped(this ILogger log, string reason);

    [LoggerMessage(2050, LogLevel.Warning, "Switches cannot be read, those of the last reading hold: {Reason}")]
    public static partial void ControlAway(this ILogger log, string reason);

    [LoggerMessage(2051, LogLevel.Information, "Switches are read again")]
    public static partial void ControlBack(this ILogger log);
}
