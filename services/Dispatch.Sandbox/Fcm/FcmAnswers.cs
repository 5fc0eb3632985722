using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dispatch.Sandbox.Fcm;

/// <summary>Error bodies of FCM. Source: Firebase, "ErrorCode" and "FCM error codes": details tell a bad request (google.rpc.BadRequest) from FCM's own word (FcmError).</summary>
static class FcmAnswers
{
    public const string NoCode = "";

    /// <summary>The statuses that FCM documents with its codes.</summary>
    public static int StatusOf(string code) => code switch
    {
        "INVALID_ARGUMENT" => 400,
        "THIRD_PARTY_AUTH_ERROR" => 401,
        "SENDER_ID_MISMATCH" => 403,
        "UNREGISTERED" => 404,
        "QUOTA_EXCEEDED" => 429,
        "INTERNAL" => 500,
        _ => 503,
    };

    /// <param name="code">FcmError's errorCode; empty: an answer without one, such as a plain 401.</param>
    public static byte[] Error(int status, string code) => Body(status, TextOf(code), code.Length == 0 ? null : new JsonObject
    {
        ["@type"] = "type.googleapis.com/google.firebase.fcm.v1.FcmError",
        ["errorCode"] = code,
    });

    public static byte[] BadRequest(FcmFault fault) => Body(400, fault.Description, new JsonObject
    {
        ["@type"] = "type.googleapis.com/google.rpc.BadRequest",
        ["fieldViolations"] = new JsonArray(new JsonObject { ["field"] = fault.Field, ["description"] = fault.Description }),
    });

    static byte[] Body(int status, string message, JsonObject? detail)
    {
        var error = new JsonObject { ["code"] = status, ["message"] = message, ["status"] = CanonicalOf(status) };
        if (detail is not null)
        {
            error["details"] = new JsonArray(detail);
        }

        return JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["error"] = error });
    }

    /// <summary>google.rpc.Code of an HTTP status.</summary>
    static string CanonicalOf(int status) => status switch
    {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        _ => "UNKNOWN",
    };

    static string TextOf(string code) => code switch
    {
        "UNREGISTERED" => "Requested entity was not found.",
        "INVALID_ARGUMENT" => "The registration token is not a valid FCM registration token",
        "SENDER_ID_MISMATCH" => "SenderId mismatch",
        "QUOTA_EXCEEDED" => "Quota exceeded for quota metric 'Messages sent'.",
        "THIRD_PARTY_AUTH_ERROR" => "Auth error from APNS or Web Push Service",
        "UNAVAILABLE" => "The service is currently unavailable.",
        NoCode => "Request had invalid authentication credentials.",
        _ => "Internal error encountered.",
    };

    public static byte[] Accepted(ReadOnlySpan<byte> project, string id)
    {
        var text = new ByteBuffer(96);
        text.Append("{\"name\":\"projects/"u8);
        text.Append(project);
        text.Append("/messages/"u8);
        text.Append(Encoding.ASCII.GetBytes(id));
        text.Append("\"}"u8);
        return text.Written.ToArray();
    }
}
