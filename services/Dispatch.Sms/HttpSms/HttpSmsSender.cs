using System.Net;
using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Sms.HttpSms;

/// <summary>
/// One account at a gateway.
/// Promise: until the form's bytes are handed over nothing can have been taken; after that the answer is the gateway's own, or <see cref="Verdict.Unknown"/>.
/// </summary>
sealed class HttpSmsSender : IChannelSender
{
    private readonly HttpSmsOptions options;
    private readonly HttpMessageInvoker http;
    private readonly Uri messages;
    private readonly string callback;
    private readonly TokenFile token;
    private readonly TimeProvider clock;

    /// <param name="callback">`https://public.example/hooks/http-sms/lane`; empty: no receipts.</param>
    public HttpSmsSender(HttpSmsOptions options, string callback, TimeProvider clock)
    {
        (this.options, this.callback, this.clock) = (options, callback, clock);
        token = new(options.AccountSid, options.TokenFile);
        messages = new(options.Endpoint, $"/2010-04-01/Accounts/{options.AccountSid}/Messages.json");
        http = GatewayClient.Open(options);
    }

    public int InFlightMax => options.ConnectionsMax;

    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        if (HttpSmsPayload.Make(message, options, callback, out var payload) is { } fault)
        {
            return fault;
        }

        if (!permit.Holds)
        {
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        using var form = new GuardedForm(payload.Form, permit);
        using var request = new HttpRequestMessage(HttpMethod.Post, messages) { Content = form, Version = HttpVersion.Version11 };
        try
        {
            request.Headers.Authorization = token.Header();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Attempt.Retry(Scope.Credential, "token_file_cannot_be_read");
        }

        using var patience = new CancellationTokenSource(options.Timeout, clock);
        try
        {
            using var answer = await http.SendAsync(request, patience.Token);
            return await VerdictOf(answer, payload, patience.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            return form.Withheld ? Attempt.Retry(Scope.Message, Permit.Lost)
                : form.MayBeWhole ? Attempt.Unknown($"no_answer: {ReasonOf(e)}")
                : Attempt.Retry(Scope.Provider, $"no_connection: {ReasonOf(e)}");
        }
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<Attempt> VerdictOf(HttpResponseMessage answer, HttpSmsPayload payload, CancellationToken patience)
    {
        var status = (int)answer.StatusCode;
        var body = HttpSmsAnswer.Parse(await ReadAsync(answer, patience));
        return status is >= 200 and < 300 && !body.Failed ? Attempt.Accepted(body.Sid, payload.Segments)
            : status is >= 200 and < 300 ? Attempt.Rejected(Scope.Message, $"{status} failed")
            : HttpSmsVerdicts.Of(status, body.Code, RetryAfter(answer), payload.FromLane);
    }

    /// <summary>The status has been said; a body that does not come whole takes nothing of it back.</summary>
    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage answer, CancellationToken patience)
    {
        var bytes = new byte[4096];
        var length = 0;
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(patience);
            for (int read; (read = await body.ReadAsync(bytes.AsMemory(length), patience)) > 0;)
            {
                length += read;
                if (length == bytes.Length && length < HttpSmsAnswer.BytesMax)
                {
                    Array.Resize(ref bytes, length * 2);
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
        }

        return bytes.AsMemory(0, length);
    }

    private TimeSpan? RetryAfter(HttpResponseMessage answer) => answer.Headers.RetryAfter switch
    {
        { Delta: { } wait } => wait,
        { Date: { } until } when until > clock.GetUtcNow() => until - clock.GetUtcNow(),
        _ => null,
    };

    private static string ReasonOf(Exception e) => e switch
    {
        OperationCanceledException => "time_out",
        HttpRequestException http => http.HttpRequestError.ToString(),
        _ => e.GetType().Name,
    };
}
