using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Dispatch.Channels;
using Dispatch.Channels.Templates;
using Dispatch.Contracts;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Fcm;

/// <summary>
/// One attempt at FCM HTTP v1, over a client of our own: Google's repeats requests by itself, also when the first may have arrived.
/// Promise: after the first byte has left, the answer is a verdict, Unknown at worst, and never an exception.
/// </summary>
sealed class FcmSender(FcmTokens tokens, Http2Pool pool, TimeProvider clock) : IChannelSender
{
    public int InFlightMax => pool.InFlightMax;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        var grant = await tokens.CurrentAsync();
        if (grant.Token is not { } token)
        {
            return grant.Fault!;
        }

        using var request = new Http2Request();
        if (Refuse(request, message, token) is { } refused)
        {
            return refused;
        }

        var answer = await pool.SendAsync(request, permit);
        if (answer.End != Http2End.Answered)
        {
            return answer.Unanswered(pool.Pause);
        }

        return answer.Status == 200 ? Attempt.Accepted(NameOf(answer.Body.Span)) : Judge(answer, token);
    }

    public ValueTask DisposeAsync() => pool.DisposeAsync();

    /// <summary>Writes the request, or says why it can never be one.</summary>
    private Attempt? Refuse(Http2Request request, Message message, FcmToken token)
    {
        try
        {
            request.Write(token.Header);
            request.BeginBody();
            var messageId = Id.From(message.MessageId.Span).ToText(IdPrefix.Message);
            var fault = FcmPayload.Write(request, message, new PushText(message), messageId, clock.GetUtcNow());
            return fault is null && request.Fits ? null : Attempt.Rejected(Scope.Message, fault ?? "PayloadTooLarge");
        }
        catch (TemplateException e)
        {
            return Attempt.Rejected(Scope.Message, e.Reason);
        }
    }

    private Attempt Judge(Http2Answer answer, FcmToken token)
    {
        var (attempt, reaction) = FcmVerdicts.Of(
            answer.Status, FcmError.Parse(answer.Body), RetryAfter.Parse(answer.RetryAfter, clock.GetUtcNow()));
        return reaction == FcmReaction.NewToken ? attempt with { AgainAtOnce = tokens.Drop(token) } : attempt;
    }

    /// <summary>{"name":"projects/p/messages/0:1500415314455276%31bd1c9631bd1c96"}; an answer without one still took the message.</summary>
    private static string NameOf(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("name"u8))
                {
                    return reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
                }
            }
        }
        catch (JsonException)
        {
            // Accepted is accepted: only what FCM calls it stays unknown.
        }

        return "";
    }
}
