namespace Dispatch.Feedback;

static partial class Log // 6000-6999
{
    [LoggerMessage(6001, LogLevel.Warning, "Feedback pauses and keeps its positions: {Reason}")]
    public static partial void Paused(this ILogger log, string reason);

    [LoggerMessage(6002, LogLevel.Information, "Feedback goes on after {Paused}")]
    public static partial void Resumed(this ILogger log, TimeSpan paused);

    [LoggerMessage(6003, LogLevel.Error, "Record {Offset} of {Topic}/{Partition} could not be applied and is in quarantine as {ParkingId}: {Fault}")]
    public static partial void Quarantined(this ILogger log, Exception exception, string topic, int partition, long offset, string parkingId, string fault);

    [LoggerMessage(6004, LogLevel.Warning, "Position of {Topic}/{Partition} was moved by somebody else, reading again from where it is: {Reason}")]
    public static partial void PositionMoved(this ILogger log, string topic, int partition, string reason);

    [LoggerMessage(6005, LogLevel.Warning, "The store has no position for {Topic}/{Partition}, though the log has one ({Position}): reading again everything that the log still has")]
    public static partial void PositionLost(this ILogger log, string topic, int partition, long position);

    [LoggerMessage(6006, LogLevel.Critical, "The store's positions belong to another log ({Others}), this one is {ClusterId}. If it was replaced on purpose, set Dispatch:Feedback:AcceptLog to {ClusterId}")]
    public static partial void ForeignLog(this ILogger log, string clusterId, string others);

    [LoggerMessage(6007, LogLevel.Warning, "The log was not told how far {Topic}/{Partition} has come, its retention waits: {Reason}")]
    public static partial void LogNotTold(this ILogger log, string topic, int partition, string reason);

    [LoggerMessage(6008, LogLevel.Error, "Feedback begins again from its positions: {Reason}")]
    public static partial void HopFailed(this ILogger log, Exception exception, string reason);
}
