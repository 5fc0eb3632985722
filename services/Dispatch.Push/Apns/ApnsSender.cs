using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Dispatch.Channels;
using Dispatch.Channels.Templates;
using Dispatch.Contracts;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Apns;

/// <summary>
/// One attempt at APNs. Promise: after the first byte has left, the answer is a verdict, Unknown at worst, and never an exception.
/// The permit is asked by the connection, at the moment when the bytes go onto the wire. Source: "Sending notification requests to APNs" (2026-08).
/// </summary>
sealed class ApnsSender(ApnsOptions options, Uri endpoint, ApnsTokens tokens, Http2Pool pool, TimeProvider clock) : IChannelSender
{
    private const int CollapseIdBytesMax = 64;

    /// <summary>How long Apple stores at most; what a message without an expiry asks for.</summary>
    private static readonly TimeSpan StoredMax = TimeSpan.FromDays(30);

    private static readonly byte[] AlertKind = [.. HpackWriter.Encoded("apns-push-type", "alert"), .. HpackWriter.Encoded("apns-priority", "10")];
    private static readonly byte[] BackgroundKind = [.. HpackWriter.Encoded("apns-push-type", "background"), .. HpackWriter.Encoded("apns-priority", "5")];

    private readonly byte[] post = HpackWriter.Post(endpoint.Authority);
    private readonly ConcurrentDictionary<string, byte[]> topics = [];

    public int InFlightMax => pool.InFlightMax;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        if (tokens.Current() is not { } token)
        {
            return Attempt.Retry(Scope.Credential, "key_unreadable");
        }

        var id = Id.From(message.MessageId.Span);
        var apnsId = id.ToGuid().ToString();
        using var request = new Http2Request();
        if (Refuse(request, message, token, id.ToText(IdPrefix.Message), apnsId) is { } refused)
        {
            return refused;
        }

        var answer = await pool.SendAsync(request, permit);
        if (answer.End != Http2End.Answered)
        {
            return answer.Unanswered(pool.Pause);
        }

        return answer.Status == 200 ? Attempt.Accepted(apnsId) : Judge(answer, message, token);
    }

    public ValueTask DisposeAsync() => pool.DisposeAsync();

    /// <summary>Writes the request, or says why it can never be one.</summary>
    private Attempt? Refuse(Http2Request request, Message message, ApnsToken token, string messageId, string apnsId)
    {
        if (!HpackWriter.IsPathSegment(message.Address.Value))
        {
            return Attempt.Rejected(Scope.Recipient, "token_malformed");
        }

        try
        {
            var text = new PushText(message);
            var collapseId = text.Content.CollapseKey.Length > 0 ? text.Content.CollapseKey : messageId;
            if (collapseId.Length > CollapseIdBytesMax || !HpackWriter.IsFieldValue(collapseId))
            {
                return Attempt.Rejected(Scope.Message, "BadCollapseId");
            }

            request.Write(post);
            HpackWriter.Path(request, "/3/device/", message.Address.Value);
            request.Write(token.Authorization);
            request.Write(topics.GetOrAdd(message.Address.App, TopicOf));
            request.Write(text.Content.Background ? BackgroundKind : AlertKind);
            HpackWriter.Field(request, "apns-id"u8, apnsId);
            HpackWriter.Field(request, "apns-collapse-id"u8, collapseId);
            HpackWriter.Field(request, "apns-expiration"u8, ExpirationOf(message));
            request.BeginBody();
            var fault = ApnsPayload.Write(request, text, messageId);
            return fault is null && request.Fits ? null : Attempt.Rejected(Scope.Message, fault ?? "PayloadTooLarge");
        }
        catch (TemplateException e)
        {
            return Attempt.Rejected(Scope.Message, e.Reason);
        }
    }

    private Attempt Judge(Http2Answer answer, Message message, ApnsToken token)
    {
        var error = ApnsError.Parse(answer.Body.Span);
        var (attempt, reaction) = ApnsVerdicts.Of(
            answer.Status, error, Http2.RetryAfter.Parse(answer.RetryAfter, clock.GetUtcNow()), DateTimeOffset.FromUnixTimeMilliseconds(message.AcceptedAt));
        switch (reaction)
        {
            case ApnsReaction.NewToken:
                return attempt with { AgainAtOnce = tokens.Replace(token) };
            case ApnsReaction.KeepToken:
                return tokens.Keep(token) ? attempt with { AgainAtOnce = true, RetryAfter = null } : attempt;
            case ApnsReaction.NewConnection:
                pool.Replace(answer.Via!);
                return attempt;
            case ApnsReaction.None:
            default:
                return attempt;
        }
    }

    private byte[] TopicOf(string app) => HpackWriter.Encoded("apns-topic", options.Topics.GetValueOrDefault(app, app));

    private static string ExpirationOf(Message message)
    {
        var at = message.ExpiresAt > 0 ? message.ExpiresAt / 1_000 : (message.AcceptedAt / 1_000) + (long)StoredMax.TotalSeconds;
        return at.ToString(CultureInfo.InvariantCulture);
    }
}
