namespace Dispatch.Host;

static partial class Log // 9000-9099
{
    [LoggerMessage(9001, LogLevel.Information, "{Name} started as process {Process}")]
    public static partial void ChildStarted(this ILogger log, string name, int process);

    [LoggerMessage(9002, LogLevel.Error, "{Name} ended by itself with exit code {Code}; it is started again in {Rest}")]
    public static partial void ChildEnded(this ILogger log, string name, int code, TimeSpan rest);

    [LoggerMessage(9003, LogLevel.Information, "{Name} stopped with exit code {Code}")]
    public static partial void ChildStopped(this ILogger log, string name, int code);

    [LoggerMessage(9004, LogLevel.Warning, "{Name} did not stop within {Grace} and is killed")]
    public static partial void ChildKilled(this ILogger log, string name, TimeSpan grace);

    [LoggerMessage(9005, LogLevel.Information, "Stopped {Names} in {Took}")]
    public static partial void StepStopped(this ILogger log, string names, TimeSpan took);
}
