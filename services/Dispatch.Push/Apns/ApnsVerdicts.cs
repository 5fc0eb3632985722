using System.Text.Json;
using Dispatch.Contracts;

namespace Dispatch.Push.Apns;

/// <summary>What an answer asks of the sender, beside the verdict.</summary>
enum ApnsReaction { None, NewToken, KeepToken, NewConnection }

/// <summary>The body of an answer that is not 200.</summary>
/// <param name="DeadSince">Only with 410: when Apple saw that the token was no longer valid for the topic.</param>
readonly record struct ApnsError(string Reason, DateTimeOffset? DeadSince)
{
    public static ApnsError Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!JsonElement.TryParseValue(ref reader, out var json) || json.Value.ValueKind != JsonValueKind.Object)
            {
                return new ApnsError("", null);
            }

            var reason = json.Value.TryGetProperty("reason", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";
            var since = json.Value.TryGetProperty("timestamp", out var at) && at.ValueKind == JsonValueKind.Number && at.TryGetInt64(out var ms)
                ? DateTimeOffset.UnixEpoch.AddMilliseconds(Math.Clamp(ms, 0, 253_402_300_799_000)) // year 9999
                : (DateTimeOffset?)null;
            return new ApnsError(reason, since);
        }
        catch (JsonException)
        {
            return new ApnsError("", null);
        }
    }
}

/// <summary>
/// Source: "Handling notification responses from APNs" (2026-08), in the order of docs' reaction table. An answer that is not listed is the provider's fault, not the recipient's.
///
/// A bad token is rejected and never suppressed here: in the wrong environment a living token gets the same answer, and one attempt cannot tell.
/// A dead one (410) is suppressed only if it died after the caller gave it to us: a caller's post is the only sign of a registration that we see, so one that is
/// newer than Apple's timestamp may be of an app that has been installed again. The caller reads the reason either way, and knows when he registered the token.
/// 5xx without Retry-After: the dispatcher's own back-off, because the 15 min that Apple names would be most messages' end.
/// </summary>
static class ApnsVerdicts
{
    public static (Attempt Attempt, ApnsReaction Reaction) Of(int status, ApnsError error, TimeSpan? retryAfter, DateTimeOffset acceptedAt) => (status, error.Reason) switch
    {
        (200, _) => (Attempt.Accepted(), ApnsReaction.None),
        (400, "BadDeviceToken" or "DeviceTokenNotForTopic") => (Attempt.Rejected(Scope.Recipient, error.Reason), ApnsReaction.None),
        (400, "IdleTimeout") => (Attempt.Retry(Scope.Provider, error.Reason) with { AgainAtOnce = true }, ApnsReaction.NewConnection),
        (400, _) => (Attempt.Rejected(Scope.Message, Named(status, error)), ApnsReaction.None), // BadCollapseId, BadTopic, PayloadEmpty, ...: ours or the tenant's to mend
        (404 or 405, _) => (Attempt.Rejected(Scope.Message, Named(status, error)), ApnsReaction.None), // BadPath, MethodNotAllowed
        (403, "ExpiredProviderToken") => (Attempt.Retry(Scope.Credential, error.Reason), ApnsReaction.NewToken),
        (403, _) => (Attempt.Retry(Scope.Credential, Named(status, error)), ApnsReaction.NewConnection), // a connection stays bound to the key that it saw first
        (410, _) => (Attempt.Rejected(Scope.Recipient, Named(status, error)) with { Suppress = error.DeadSince >= acceptedAt }, ApnsReaction.None),
        (413, _) => (Attempt.Rejected(Scope.Message, Named(status, error)), ApnsReaction.None),
        (429, "TooManyProviderTokenUpdates") => (Attempt.Retry(Scope.Credential, error.Reason, ApnsTokens.Distance), ApnsReaction.KeepToken),
        (429, _) => (Attempt.Retry(Scope.Recipient, Named(status, error), retryAfter), ApnsReaction.None), // too many for this device; the lane goes on
        (503, "Shutdown") => (Attempt.Retry(Scope.Provider, error.Reason, retryAfter) with { AgainAtOnce = true }, ApnsReaction.NewConnection),
        _ => (Attempt.Retry(Scope.Provider, Named(status, error), retryAfter), ApnsReaction.None), // 500, 503, and what Apple has not told us of
    };

    private static string Named(int status, ApnsError error) => error.Reason.Length > 0 ? error.Reason : $"{status}";
}
