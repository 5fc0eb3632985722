using System.Globalization;
using System.Text.Json;
using Dispatch.Ingest.Json;

namespace Dispatch.Ingest.Http;

/// <summary>
/// What went wrong, for a program and for a person (RFC 9457). Every answer that is no success is one of these.
/// </summary>
/// <param name="Code">Stable; also the end of the `type`.</param>
/// <param name="Retryable">The same call may succeed later; <paramref name="RetryAfter"/> says when to try.</param>
sealed record Problem(int Status, string Code, string Title, string Detail, bool Retryable = false)
{
    public const string ContentType = "application/problem+json";

    /// <summary>Seconds.</summary>
    public int? RetryAfter { get; init; }

    public IReadOnlyList<Fault> Errors { get; init; } = [];

    public static Problem Invalid(IReadOnlyList<Fault> errors) => new(400, "invalid", "The request is not valid", errors.Count == 1
        ? "One fault was found; nothing was accepted."
        : string.Create(CultureInfo.InvariantCulture, $"{errors.Count} faults were found; nothing was accepted.")) { Errors = errors };

    public static Problem Invalid(string pointer, string code, string message) => Invalid([new Fault(pointer, code, message)]);

    /// <summary>A fault outside of the body, in the query or a header.</summary>
    public static Problem BadParameter(string name, string message) => new(400, "invalid_parameter", "A parameter is not valid", $"{name}: {message}");

    public static Problem Unauthenticated(string detail) => new(401, "unauthenticated", "An API key is needed", detail);

    public static Problem KeyExpired { get; } = new(401, "key_expired", "The API key has expired", "Ask for a new key; two may live side by side.");

    public static Problem KeyRevoked { get; } = new(401, "key_revoked", "The API key was revoked", "Ask for a new key.");

    public static Problem LastKey { get; } =
        new(409, "last_operate_key", "The last key that may operate stays", "Nobody could make another one. Make its successor first.");

    public static Problem MissingScope(string scope) => new(403, "missing_scope", "The API key may not do this", $"The key needs the scope {scope}.");

    public static Problem NotFound(string what) => new(404, "not_found", "There is no such thing", $"No such {what}.");

    public static Problem NotYetKnown { get; } =
        new(404, "not_yet_known", "Not known yet", "It may have been accepted a moment ago by another instance.", Retryable: true) { RetryAfter = 1 };

    public static Problem TooLarge(string detail) => new(413, "too_large", "The request is too large", detail);

    public static Problem NotJson { get; } = new(415, "unsupported_media_type", "The body is not JSON", "Send Content-Type: application/json, without Content-Encoding.");

    public static Problem Running { get; } =
        new(409, "idempotency_running", "The first call with this key is still running", "Ask again in a second.", Retryable: true) { RetryAfter = 1 };

    public static Problem Conflict { get; } =
        new(422, "idempotency_conflict", "The idempotency key was used for another body", "A key stands for one body. Use a new key for a new request.");

    public static Problem RateLimited(int retryAfter) =>
        new(429, "rate_limited", "Too many items", "The key's rate is used up; see RateLimit and RateLimit-Policy.", Retryable: true) { RetryAfter = retryAfter };

    public static Problem Internal { get; } = new(500, "internal", "Something went wrong here", "It was logged. The X-Request-Id names it.");

    /// <summary>Nothing durable was possible; nothing was accepted.</summary>
    public static Problem Unavailable(string detail, int retryAfter = 1) =>
        new(503, "unavailable", "Not possible right now", detail, Retryable: true) { RetryAfter = retryAfter };

    /// <summary>For what the server refuses before any of our code runs.</summary>
    public static Problem OfStatus(int status) => status switch
    {
        404 => NotFound("resource"),
        405 => new(405, "method_not_allowed", "The method is not allowed", "The Allow field names those that are."),
        408 => new(408, "request_timeout", "The request came too slowly", "Its body did not arrive in time.", Retryable: true),
        413 => TooLarge("The body is larger than the limit."),
        431 => new(431, "headers_too_large", "The header fields are too large", "Send fewer or shorter ones."),
        >= 400 and < 500 => new(status, "bad_request", "The request is malformed", "It does not follow HTTP."),
        _ => Internal,
    };

    public async Task WriteAsync(HttpContext http)
    {
        var answer = http.Response;
        if (answer.HasStarted)
        {
            return;
        }

        answer.StatusCode = Status;
        answer.ContentType = ContentType;
        if (RetryAfter is { } seconds)
        {
            answer.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (Status == StatusCodes.Status401Unauthorized)
        {
            answer.Headers.WWWAuthenticate = "Bearer";
        }

        await using (var json = new Utf8JsonWriter(answer.BodyWriter))
        {
            Write(json);
        }

        await answer.BodyWriter.FlushAsync();
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, $"urn:dispatch:problem:{Code}");
        json.WriteString("title"u8, Title);
        json.WriteNumber("status"u8, Status);
        json.WriteString("detail"u8, Detail);
        json.WriteString("code"u8, Code);
        json.WriteBoolean("retryable"u8, Retryable);
        if (Errors.Count > 0)
        {
            json.WriteStartArray("errors"u8);
            foreach (var (pointer, code, message) in Errors)
            {
                json.WriteStartObject();
                json.WriteString("pointer"u8, pointer);
                json.WriteString("code"u8, code);
                json.WriteString("message"u8, message);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
