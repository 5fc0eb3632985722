using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Sandbox.Http2;
using Dispatch.Sandbox.Oracle;

namespace Dispatch.Sandbox.Apns;

/// <summary>Answers as APNs does. A connection has one stream until it has shown a good token; what a device token asks for is in <see cref="Behaviour"/>.</summary>
sealed class ApnsStandIn(Provider provider, ApnsTokens tokens, TimeProvider clock) : IHttp2Application
{
    const string Lane = Credentials.ApnsTeamId + "/" + Credentials.ApnsKeyId;
    static readonly DateTimeOffset LongAgo = new(2001, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public bool OneStreamAtStart => true;

    public void Decide(Http2Exchange exchange, Http2Connection connection)
    {
        var settings = provider.Settings;
        var path = exchange.Headers[":path"u8];
        exchange.DelayMs = settings.LatencyMs;
        if (ApnsRequest.PathFault(exchange.Headers[":method"u8], path) is { } wrongDoor)
        {
            Refuse(exchange, wrongDoor);
            return;
        }

        exchange.IsMessage = true;
        exchange.Lane = Lane;
        exchange.Recipient = path[ApnsRequest.DevicePath.Length..].ToArray();
        exchange.MessageId = MessageIdOf(exchange.Headers["apns-id"u8]);
        if (settings.Mode == Mode.Mute)
        {
            exchange.Fate = Fate.Silence;
            return;
        }

        var client = (ApnsClient)(connection.Memory ??= new ApnsClient());
        if (TokenFault(exchange.Headers["authorization"u8], client, settings) is { } stranger)
        {
            Refuse(exchange, stranger);
            return;
        }

        connection.Promote();
        if (ApnsRequest.Fault(exchange.Headers, exchange.BodyBytes) is { } fault)
        {
            Refuse(exchange, fault);
        }
        else if (OfTheDay(connection, settings) is { } notNow)
        {
            Refuse(exchange, notNow);
        }
        else
        {
            Behave(exchange, client, settings);
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

    Refusal? TokenFault(ReadOnlySpan<byte> authorization, ApnsClient client, ProviderSettings settings)
    {
        var reason = settings.Mode == Mode.Revoked ? "InvalidProviderToken" : tokens.Refusal(authorization, client);
        return reason is null ? null : new Refusal(reason == "TooManyProviderTokenUpdates" ? 429 : 403, reason);
    }

    /// <summary>What the whole stand-in suffers from, whoever is asked for.</summary>
    Refusal? OfTheDay(Http2Connection connection, ProviderSettings settings)
    {
        if (settings.Mode == Mode.Shutdown)
        {
            connection.LeaveAfterThis("{\"reason\":\"Shutdown\"}"u8);
        }

        return settings.Mode switch
        {
            Mode.Shutdown => new Refusal(503, "Shutdown"),
            Mode.Unavailable => new Refusal(503, "ServiceUnavailable"),
            Mode.Throttle => new Refusal(429, "TooManyRequests"),
            _ => provider.FailsNow() ? new Refusal(503, "ServiceUnavailable") : null,
        };
    }

    void Behave(Http2Exchange exchange, ApnsClient client, ProviderSettings settings)
    {
        var asked = Behaviour.Of(exchange.Recipient.Span);
        if (asked.Act != Act.Accept)
        {
            asked = provider.Next(asked, exchange.MessageId, Encoding.UTF8.GetString(exchange.Recipient.Span));
        }

        switch (asked.Act)
        {
            case Act.Retry:
                Refuse(exchange, new Refusal(503, "ServiceUnavailable"));
                break;
            case Act.Busy:
                Refuse(exchange, new Refusal(429, "TooManyRequests"));
                break;
            case Act.Dead:
                Refuse(exchange, new Refusal(410, "Unregistered"));
                break;
            case Act.Stale:
                Refuse(exchange, new Refusal(410, "Unregistered"), LongAgo);
                break;
            case Act.BadToken:
                Refuse(exchange, new Refusal(400, "BadDeviceToken"));
                break;
            case Act.Answer when asked.Count != 200:
                client.MayRenew |= asked.Reason == "ExpiredProviderToken";
                Refuse(exchange, new Refusal(asked.Count, asked.Reason));
                break;
            case Act.Silent:
                exchange.Fate = Fate.Silence;
                break;
            case Act.Cut:
                exchange.Fate = Fate.Cut;
                Accept(exchange, settings);
                break;
            default:
                exchange.DelayMs += asked.Act == Act.Slow ? asked.Count : 0;
                Accept(exchange, settings);
                break;
        }
    }

    static void Accept(Http2Exchange exchange, ProviderSettings settings)
    {
        exchange.Accepted = true;
        exchange.Delivered = settings.Mode != Mode.Swallow;
        exchange.Status = "200";
        HpackWriter.Status(exchange.Head, 200);
        ApnsId(exchange);
    }

    void Refuse(Http2Exchange exchange, Refusal refusal, DateTimeOffset? since = null)
    {
        exchange.Status = refusal.Status.ToString(CultureInfo.InvariantCulture);
        exchange.Reason = refusal.Reason;
        HpackWriter.Status(exchange.Head, refusal.Status);
        ApnsId(exchange);
        var retryAfter = provider.Settings.RetryAfterS;
        if (retryAfter > 0 && refusal.Status is (429 or 503))
        {
            HpackWriter.Field(exchange.Head, "retry-after"u8, Encoding.ASCII.GetBytes(retryAfter.ToString(CultureInfo.InvariantCulture)));
        }

        var timestamp = refusal.Status == 410 ? $",\"timestamp\":{(since ?? clock.GetUtcNow()).ToUnixTimeMilliseconds()}" : "";
        exchange.Answer = Encoding.UTF8.GetBytes($"{{\"reason\":\"{JsonEncodedText.Encode(refusal.Reason)}\"{timestamp}}}");
    }

    static void ApnsId(Http2Exchange exchange)
    {
        if (exchange.Headers.TryGet("apns-id"u8, out var id))
        {
            HpackWriter.Field(exchange.Head, "apns-id"u8, id);
            return;
        }

        Span<byte> made = stackalloc byte[36];
        Utf8Formatter.TryFormat(Guid.NewGuid(), made, out _);
        HpackWriter.Field(exchange.Head, "apns-id"u8, made);
    }

    static string MessageIdOf(ReadOnlySpan<byte> apnsId) =>
        Utf8Parser.TryParse(apnsId, out Guid id, out var used, 'D') && used == apnsId.Length ? Id.FromGuid(id).ToText(IdPrefix.Message) : "";
}
