using System.Globalization;
using System.Text;
using Dispatch.Sandbox.Http2;
using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox.Fcm;

/// <summary>Answers as FCM's HTTP v1 API does, and as Google's token endpoint under /token. What a token asks for is in <see cref="Behaviour"/>.</summary>
sealed class FcmStandIn(Provider provider, FcmTokens tokens) : IHttp2Application
{
    long lastId = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;

    public bool OneStreamAtStart => false;

    static ReadOnlySpan<byte> SendPath => "/v1/projects/dispatch-sandbox/messages:send"u8; // Credentials.FcmProjectId

    static ReadOnlySpan<byte> Project => "dispatch-sandbox"u8;

    public void Decide(Http2Exchange exchange, Http2Connection connection)
    {
        var settings = provider.Settings;
        var path = exchange.Headers[":path"u8];
        var posted = exchange.Headers[":method"u8].SequenceEqual("POST"u8);
        exchange.DelayMs = settings.LatencyMs;
        if (posted && path.SequenceEqual("/token"u8))
        {
            Token(exchange, settings);
        }
        else if (posted && path.StartsWith("/v1/projects/"u8) && path.EndsWith("/messages:send"u8))
        {
            Message(exchange, path, settings);
        }
        else
        {
            Refuse(exchange, 404, FcmAnswers.NoCode);
        }
    }

    public void Settle(Http2Exchange exchange, bool answered)
    {
        if (exchange.IsMessage)
        {
            provider.Record(new Receipt
            {
                Lane = exchange.Lane,
                MessageId = exchange.MessageId,
                Recipient = exchange.Recipient.Span,
                Accepted = exchange.Accepted,
                Answered = answered,
                Delivered = exchange.Delivered,
                Status = exchange.Status,
                Reason = exchange.Reason,
                Bytes = exchange.BodyBytes,
            });
        }
    }

    void Token(Http2Exchange exchange, ProviderSettings settings)
    {
        if (settings.Mode == Mode.Mute)
        {
            exchange.Fate = Fate.Silence;
            return;
        }

        var (status, json) = settings.Mode == Mode.Revoked
            ? (400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid grant: account not found\"}")
            : tokens.Exchange(exchange.Body.Written);
        Answer(exchange, status, Encoding.UTF8.GetBytes(json));
    }

    void Message(Http2Exchange exchange, ReadOnlySpan<byte> path, ProviderSettings settings)
    {
        var request = FcmRequest.Parse(exchange.Body.Written);
        exchange.IsMessage = !request.ValidateOnly;
        exchange.Lane = Credentials.FcmProjectId;
        exchange.Recipient = request.Token;
        exchange.MessageId = request.MessageId;
        if (settings.Mode == Mode.Mute)
        {
            exchange.Fate = Fate.Silence;
        }
        else if (settings.Mode == Mode.Revoked || !tokens.IsGood(exchange.Headers["authorization"u8]))
        {
            Refuse(exchange, 401, FcmAnswers.NoCode);
        }
        else if (!path.SequenceEqual(SendPath))
        {
            Refuse(exchange, 403, FcmAnswers.NoCode); // somebody else's project
        }
        else if (request.Fault is { } fault)
        {
            (exchange.Status, exchange.Reason) = ("400", "BadRequest");
            Answer(exchange, 400, FcmAnswers.BadRequest(fault));
        }
        else if (CodeOfTheDay(settings) is { } code)
        {
            Refuse(exchange, FcmAnswers.StatusOf(code), code);
        }
        else
        {
            Behave(exchange, settings);
        }
    }

    string? CodeOfTheDay(ProviderSettings settings) => settings.Mode switch
    {
        Mode.Unavailable or Mode.Shutdown => "UNAVAILABLE",
        Mode.Throttle => "QUOTA_EXCEEDED",
        _ => provider.FailsNow() ? "UNAVAILABLE" : null,
    };

    void Behave(Http2Exchange exchange, ProviderSettings settings)
    {
        var asked = Behaviour.Of(exchange.Recipient.Span);
        if (asked.Act != Act.Accept)
        {
            asked = provider.Next(asked, exchange.MessageId, Encoding.UTF8.GetString(exchange.Recipient.Span));
        }

        switch (asked.Act)
        {
            case Act.Retry:
                Refuse(exchange, 503, "UNAVAILABLE");
                break;
            case Act.Busy:
                Refuse(exchange, 429, "QUOTA_EXCEEDED");
                break;
            case Act.Dead or Act.Stale:
                Refuse(exchange, 404, "UNREGISTERED");
                break;
            case Act.BadToken:
                Refuse(exchange, 400, "INVALID_ARGUMENT");
                break;
            case Act.Answer when asked is { Count: 400, Reason: "BadRequest" }:
                (exchange.Status, exchange.Reason) = ("400", asked.Reason);
                Answer(exchange, 400, FcmAnswers.BadRequest(new FcmFault("message.data", "as the address asks")));
                break;
            case Act.Answer when asked.Count != 200:
                Refuse(exchange, asked.Count, asked.Reason == "none" ? FcmAnswers.NoCode : asked.Reason);
                break;
            case Act.Silent:
                exchange.Fate = Fate.Silence;
                break;
            default:
                exchange.Fate = asked.Act == Act.Cut ? Fate.Cut : Fate.Answer;
                exchange.DelayMs += asked.Act == Act.Slow ? asked.Count : 0;
                Accept(exchange, settings);
                break;
        }
    }

    void Accept(Http2Exchange exchange, ProviderSettings settings)
    {
        exchange.Accepted = true;
        exchange.Delivered = settings.Mode != Mode.Swallow;
        exchange.Status = "200";
        var id = Interlocked.Increment(ref lastId).ToString(CultureInfo.InvariantCulture);
        Answer(exchange, 200, FcmAnswers.Accepted(Project, "0:" + id));
    }

    void Refuse(Http2Exchange exchange, int status, string code)
    {
        exchange.Status = status.ToString(CultureInfo.InvariantCulture);
        exchange.Reason = code;
        Answer(exchange, status, FcmAnswers.Error(status, code));
    }

    void Answer(Http2Exchange exchange, int status, byte[] json)
    {
        HpackWriter.Status(exchange.Head, status);
        HpackWriter.Field(exchange.Head, "content-type"u8, "application/json; charset=UTF-8"u8);
        var retryAfter = provider.Settings.RetryAfterS;
        if (retryAfter > 0 && status is (429 or 503))
        {
            HpackWriter.Field(exchange.Head, "retry-after"u8, Encoding.ASCII.GetBytes(retryAfter.ToString(CultureInfo.InvariantCulture)));
        }

        exchange.Answer = json;
    }
}
