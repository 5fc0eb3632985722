using Microsoft.Extensions.Logging;

namespace Dispatch.Push;

static partial class Log // 3200-3299
{
    [LoggerMessage(3200, LogLevel.Information, "Lane {Lane} connected: {Streams} streams at once")]
    public static partial void Connected(this ILogger log, string lane, int streams);

    [LoggerMessage(3201, LogLevel.Warning, "Lane {Lane} cannot connect: {Fault} ({Detail}); next try in {Pause}")]
    public static partial void ConnectFailed(this ILogger log, string lane, string fault, string detail, TimeSpan pause);

    [LoggerMessage(3202, LogLevel.Information, "Lane {Lane}: a connection ended, {Why}; GOAWAY said: {GoAway}")]
    public static partial void ConnectionEnded(this ILogger log, string lane, string why, string goAway);

    [LoggerMessage(3210, LogLevel.Information, "Provider token of team {Team}, key {Key} made anew: {Why}")]
    public static partial void ProviderTokenMade(this ILogger log, string team, string key, string why);

    [LoggerMessage(3211, LogLevel.Warning, "Provider says that team {Team} makes too many tokens: none is made before {Until}")]
    public static partial void ProviderTokensHeld(this ILogger log, string team, DateTimeOffset until);

    [LoggerMessage(3212, LogLevel.Error, "Key of team {Team}, key {Key} cannot be read: {Fault}")]
    public static partial void ProviderKeyUnreadable(this ILogger log, string team, string key, string fault);

    [LoggerMessage(3220, LogLevel.Information, "Access token for project {Project} exchanged, good for {Lifetime}")]
    public static partial void AccessTokenExchanged(this ILogger log, string project, TimeSpan lifetime);

    [LoggerMessage(3221, LogLevel.Warning, "Access token for project {Project} refused or out of reach: {Fault}; next try in {Pause}")]
    public static partial void AccessTokenFailed(this ILogger log, string project, string fault, TimeSpan pause);
}
