using System.Text.Json;
using Dispatch.Contracts;

namespace Dispatch.Push.Fcm;

/// <summary>What an answer asks of the sender, beside the verdict.</summary>
enum FcmReaction { None, NewToken }

/// <summary>The body of an answer that is not 200. Source: google.rpc.Status; FCM HTTP v1, "ErrorCode" (2026-08).</summary>
/// <param name="Status">The canonical code, such as INVALID_ARGUMENT.</param>
/// <param name="Code">FcmError's own, such as UNREGISTERED; empty: there is no FcmError.</param>
/// <param name="PayloadFault">A BadRequest that is about anything but the token.</param>
readonly record struct FcmError(string Status, string Code, bool PayloadFault)
{
    public string Reason => Code.Length > 0 ? Code : Status;

    public static FcmError Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (!Has(json.RootElement, "error", JsonValueKind.Object, out var error))
            {
                return new FcmError("", "", false);
            }

            var (code, payloadFault) = ("", false);
            if (Has(error, "details", JsonValueKind.Array, out var details))
            {
                foreach (var detail in details.EnumerateArray())
                {
                    var type = Text(detail, "@type");
                    if (type.EndsWith("FcmError", StringComparison.Ordinal))
                    {
                        code = Text(detail, "errorCode");
                    }
                    else if (type.EndsWith("google.rpc.BadRequest", StringComparison.Ordinal))
                    {
                        payloadFault = !IsAboutToken(detail);
                    }
                }
            }

            return new FcmError(Text(error, "status"), code, payloadFault);
        }
        catch (JsonException)
        {
            return new FcmError("", "", false);
        }
    }

    private static bool IsAboutToken(JsonElement badRequest) =>
        Has(badRequest, "fieldViolations", JsonValueKind.Array, out var violations)
        && violations.GetArrayLength() > 0
        && violations.EnumerateArray().All(violation => Text(violation, "field") is "message.token");

    private static string Text(JsonElement of, string name) => Has(of, name, JsonValueKind.String, out var text) ? text.GetString()! : "";

    private static bool Has(JsonElement of, string name, JsonValueKind kind, out JsonElement value)
    {
        value = default;
        return of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out value) && value.ValueKind == kind;
    }
}

/// <summary>
/// Source: FCM HTTP v1, "ErrorCode" (2026-08), in the order of docs' reaction table. An answer that is not listed is the provider's fault, not the recipient's.
/// A gateway's own time-out (502, 504) is no answer of FCM: it may have the message, so it is unknown.
/// </summary>
static class FcmVerdicts
{
    private static readonly TimeSpan QuotaPause = TimeSpan.FromSeconds(60);

    public static (Attempt Attempt, FcmReaction Reaction) Of(int status, FcmError error, TimeSpan? retryAfter) => (status, error) switch
    {
        (200, _) => (Attempt.Accepted(), FcmReaction.None),
        (400, { PayloadFault: true }) => (Attempt.Rejected(Scope.Message, Named(status, error)), FcmReaction.None),
        (400, { Code.Length: > 0 }) => (Attempt.Rejected(Scope.Recipient, error.Code), FcmReaction.None), // the token's form; confirmed by nobody, so not suppressed
        (400, _) => (Attempt.Rejected(Scope.Message, Named(status, error)), FcmReaction.None),
        (404, { Code: "UNREGISTERED" }) => (Attempt.Rejected(Scope.Recipient, error.Code) with { Suppress = true }, FcmReaction.None),
        (404, _) => (Attempt.Retry(Scope.Credential, Named(status, error)), FcmReaction.None), // no such project
        (403, { Code: "SENDER_ID_MISMATCH" }) => (Attempt.Rejected(Scope.Recipient, error.Code), FcmReaction.None), // a token of another project
        (403, _) => (Attempt.Retry(Scope.Credential, Named(status, error)), FcmReaction.None),
        (401, { Code: "THIRD_PARTY_AUTH_ERROR" }) => (Attempt.Retry(Scope.Credential, error.Code), FcmReaction.None), // Firebase's own key to APNs or Web Push
        (401, _) => (Attempt.Retry(Scope.Credential, Named(status, error)), FcmReaction.NewToken),
        (429, _) => (Attempt.Retry(Scope.Provider, Named(status, error), retryAfter ?? QuotaPause), FcmReaction.None),
        (502 or 504, _) => (Attempt.Unknown(Named(status, error)), FcmReaction.None),
        _ => (Attempt.Retry(Scope.Provider, Named(status, error), retryAfter), FcmReaction.None), // 500 INTERNAL, 503 UNAVAILABLE, and what Google has not told us of
    };

    private static string Named(int status, FcmError error) => error.Reason.Length > 0 ? error.Reason : $"{status}";
}
