using Microsoft.Extensions.Logging;

namespace Dispatch.Sandbox;

static partial class Log // ids 8000-8999
{
    [LoggerMessage(8000, LogLevel.Information, "Sandbox listens: {Endpoints}; credentials and oracle logs in {Folder}")]
    public static partial void Listens(this ILogger log, string endpoints, string folder);

    [LoggerMessage(8001, LogLevel.Warning, "Oracle log {Path} cannot be written, receipts wait in memory: {Fault}")]
    public static partial void OracleStuck(this ILogger log, string path, string fault);

    [LoggerMessage(8002, LogLevel.Debug, "{Provider}: connection ended: {Reason}")]
    public static partial void ConnectionEnded(this ILogger log, string provider, string reason);

    [LoggerMessage(8003, LogLevel.Information, "{Provider}: client broke the protocol: {Reason}")]
    public static partial void ProtocolBroken(this ILogger log, string provider, string reason);

    [LoggerMessage(8004, LogLevel.Information, "{Provider} set to {Settings}")]
    public static partial void SettingsChanged(this ILogger log, string provider, string settings);

    [LoggerMessage(8005, LogLevel.Error, "{Provider}: a connection ended by a fault of the stand-in")]
    public static partial void StandInFault(this ILogger log, string provider, Exception fault);
}
