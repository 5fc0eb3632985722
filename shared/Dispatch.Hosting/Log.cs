using Dispatch.Contracts;
using Microsoft.Extensions.Logging;

namespace Dispatch.Hosting;

static partial class Log // 7000-7099
{
    [LoggerMessage(7001, LogLevel.Warning, "Switched {Switch} to {Value} for {Scope}, by itself ({Owner}): {Reason}")]
    public static partial void SwitchedByItself(this ILogger log, string @switch, string value, ModeScope scope, string owner, string reason);

    [LoggerMessage(7002, LogLevel.Information, "Switched {Switch} back for {Scope}, by itself ({Owner})")]
    public static partial void SwitchedBack(this ILogger log, string @switch, ModeScope scope, string owner);

    [LoggerMessage(7003, LogLevel.Warning, "The snapshot of the modes {Path} cannot be read; everything starts in its normal position")]
    public static partial void SnapshotUnreadable(this ILogger log, Exception exception, string path);

    [LoggerMessage(7004, LogLevel.Warning, "The snapshot of the modes {Path} cannot be written; a restart would forget the last change")]
    public static partial void SnapshotUnwritable(this ILogger log, Exception exception, string path);

    [LoggerMessage(7005, LogLevel.Information, "Probes, numbers and switches of last resort on {Address}")]
    public static partial void AdminListening(this ILogger log, string address);

    [LoggerMessage(7006, LogLevel.Warning, "Switched {Switch} to {Value} for {Scope} through the admin port ({Owner}): {Reason}")]
    public static partial void SwitchedLocally(this ILogger log, string @switch, string value, ModeScope scope, string owner, string reason);

    [LoggerMessage(7007, LogLevel.Error, "A listener failed to take a change of the modes; it looks again at the next change")]
    public static partial void ListenerFailed(this ILogger log, Exception exception);
}
