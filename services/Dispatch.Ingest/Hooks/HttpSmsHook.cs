using System.Collections.Concurrent;
using System.Text;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Log;
using Google.Protobuf;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Dispatch.Ingest.Hooks;

/// <summary>
/// `POST /hooks/http-sms/{lane}`: a gateway says what became of a message. The signature is checked, the fact is appended, and the gateway has its answer;
/// whose message it is, Feedback knows. A receipt that comes twice counts once, and they may come in any order.
/// </summary>
sealed class HttpSmsHook(HookLanes lanes, Appender appender, TimeProvider clock, ILogger<HttpSmsHook> log)
{
    private const int BodyBytesMax = 64 * 1_024;

    /// <summary>Anybody can send what does not fit, as often as they like; the metric counts them all.</summary>
    private static readonly TimeSpan ForgedInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _forgedToldAt = new();

    public async Task PostAsync(HttpContext http)
    {
        if (lanes.Of((string?)http.Request.RouteValues["lane"]) is not { } lane)
        {
            throw new RefusedException(Problem.NotFound("lane"));
        }

        using var body = await Body.ReadAsync(http, BodyBytesMax);
        var form = FormOf(http, body.Bytes.Span);
        var url = UrlOf(http, lane);
        if (!TwilioSignature.Fits(TokenOf(lane), url, form, http.Request.Headers["X-Twilio-Signature"]))
        {
            TellForged(lane, http.Request.Path);
            Count("forged");
            throw new RefusedException(new Problem(403, "invalid_signature", "The signature does not fit", "X-Twilio-Signature must fit the auth token, the URL and the form."));
        }

        if (!Id.TryParse(http.Request.Query["message_id"], IdPrefix.Message, out var message) || form.GetValueOrDefault("MessageSid") is not [{ Length: > 0 and <= 64 } sid])
        {
            log.ReceiptRefused(lane.Name, "it names no message of ours");
            Count("unplaced");
            throw new RefusedException(Problem.BadParameter("message_id, MessageSid", "name the message"));
        }

        var status = form.GetValueOrDefault("MessageStatus").ToString();
        if (KindOf(status) is { } kind)
        {
            await appender.AppendAsync([Record(message, kind, sid, status, form.GetValueOrDefault("ErrorCode").ToString(), lane)]);
        }

        Count(KindOf(status) is null ? "interim" : "appended");
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>
    /// Source: Twilio docs, "Message status values" (2026-10). What is on its way (queued, sending, sent, ...) says nothing that the gateway's answer did not say.
    /// A gateway that says failed or canceled had taken the message before: to us it is undelivered, which outranks sent.
    /// </summary>
    private static OutcomeKind? KindOf(string status) => status switch
    {
        "delivered" or "read" => OutcomeKind.Delivered,
        "undelivered" or "failed" or "canceled" => OutcomeKind.Undelivered,
        _ => null,
    };

    private Record Record(Id message, OutcomeKind kind, string sid, string status, string error, HookLane lane)
    {
        var outcome = new Outcome
        {
            MessageId = UnsafeByteOperations.UnsafeWrap(message.ToBytes()),
            Channel = Channel.Sms,
            Day = Id.DayOf(message.Day),
            Kind = kind,
            At = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            SourceId = $"{sid}:{status}",
            Reason = kind == OutcomeKind.Delivered ? "" : error.Length is > 0 and <= 16 ? $"{status} {error}" : status,
            Provider = HookLanes.HttpSms,
            Lane = lane.Name,
            State = kind == OutcomeKind.Delivered ? State.Delivered : State.Undelivered,
            ProviderMessageId = sid,
        };
        return new Record(Topics.Outcomes, outcome.MessageId.Memory, outcome.ToByteArray());
    }

    private byte[] TokenOf(HookLane lane)
    {
        try
        {
            return lanes.TokenOf(lane);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.ReceiptRefused(lane.Name, $"its auth token cannot be read: {e.Message}");
            throw new RefusedException(Problem.Unavailable("The receipt cannot be checked right now.", retryAfter: 30));
        }
    }

    private void TellForged(HookLane lane, PathString path)
    {
        var now = clock.GetUtcNow();
        if (!_forgedToldAt.TryGetValue(lane.Name, out var toldAt) || now - toldAt >= ForgedInterval)
        {
            _forgedToldAt[lane.Name] = now;
            log.ReceiptForged(lane.Name, lane.Base.GetLeftPart(UriPartial.Authority) + lane.Base.AbsolutePath.TrimEnd('/') + path);
        }
    }

    /// <summary>Behind a proxy this process sees another address than the gateway called: the configured one counts, with path and query as they came.</summary>
    /// <exception cref="RefusedException">400: the target is a whole URL, as only a forward proxy is asked (RFC 9112, 3.2.2).</exception>
    private static string UrlOf(HttpContext http, HookLane lane)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        return target.StartsWith('/')
            ? lane.Base.GetLeftPart(UriPartial.Authority) + lane.Base.AbsolutePath.TrimEnd('/') + target
            : throw new RefusedException(Problem.OfStatus(StatusCodes.Status400BadRequest));
    }

    private static Dictionary<string, StringValues> FormOf(HttpContext http, ReadOnlySpan<byte> body)
    {
        if (http.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) != true)
        {
            throw new RefusedException(new Problem(415, "unsupported_media_type", "The body is no form", "Send Content-Type: application/x-www-form-urlencoded."));
        }

        try
        {
            using var reader = new FormReader(Encoding.UTF8.GetString(body)) { ValueCountLimit = 256, KeyLengthLimit = 256, ValueLengthLimit = 8_192 };
            return reader.ReadForm();
        }
        catch (InvalidDataException)
        {
            throw new RefusedException(Problem.TooLarge("The form has too many or too long fields."));
        }
    }

    private static void Count(string result) => Telemetry.Receipts.Add(1, new KeyValuePair<string, object?>("result", result));
}
