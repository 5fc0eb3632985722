using Dispatch.Contracts;

namespace Dispatch.Sms.HttpSms;

/// <summary>
/// What a gateway's answer means. A refusal that carries the gateway's own code was decided by it: nothing was sent. A 5xx without one may come from anything on the way,
/// after the gateway took the message: unknown. Any other that is not listed is the gateway's fault, not the recipient's.
/// Source: Twilio, "Error and Warning Dictionary" (2026-11).
/// </summary>
static class HttpSmsVerdicts
{
    private static readonly TimeSpan TooFast = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan QueueFull = TimeSpan.FromMinutes(1);

    /// <param name="code">The gateway's own, from the answer's body; 0: none.</param>
    /// <param name="fromLane">The sender that it may complain about is the lane's.</param>
    public static Attempt Of(int status, int code, TimeSpan? retryAfter, bool fromLane)
    {
        var reason = code == 0 ? $"{status}" : $"{status} {code}";
        return (status, code) switch
        {
            (_, 20003 or 20005 or 20403 or 20404) => Attempt.Retry(Scope.Credential, reason), // authenticate; suspended; forbidden; no such account
            (_, 20429) => Attempt.Retry(Scope.Provider, reason, retryAfter ?? TooFast),
            (_, 21211 or 21217 or 21614) => Dead(reason), // invalid number; no number; cannot receive SMS
            (_, 21610) => Dead(reason), // opted out
            (_, 21408 or 21612) => Attempt.Rejected(Scope.Message, reason), // region not enabled; no way from this sender to that number
            (_, 21212 or 21603 or 21606 or 21659) => fromLane ? Attempt.Retry(Scope.Credential, reason) : Attempt.Rejected(Scope.Message, reason), // sender invalid or not ours
            (_, 21609) => Attempt.Retry(Scope.Credential, reason), // our callback address
            (_, 21611) => Attempt.Retry(Scope.Provider, reason, QueueFull),
            (_, 21602 or 21604 or 21617) => Attempt.Rejected(Scope.Message, reason), // no text; no number; too long
            (429, _) => Attempt.Retry(Scope.Provider, reason, retryAfter ?? TooFast),
            (401 or 403 or 404, _) => Attempt.Retry(Scope.Credential, reason),
            (408, _) => Attempt.Retry(Scope.Provider, reason, retryAfter), // it says that the request never became whole
            (503, _) or (>= 500, not 0) => Attempt.Retry(Scope.Provider, reason, retryAfter),
            (>= 500, _) => Attempt.Unknown(reason),
            (>= 400, _) => Attempt.Rejected(Scope.Message, reason),
            _ => Attempt.Retry(Scope.Provider, $"unexpected {reason}", retryAfter),
        };
    }

    /// <summary>The number takes no message of ours, now or later.</summary>
    private static Attempt Dead(string reason) => Attempt.Rejected(Scope.Recipient, reason) with { Suppress = true };
}
