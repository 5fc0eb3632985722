using System.Globalization;
using System.Net;
using Dispatch.Contracts;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A sender for <see cref="Endpoint"/>, true to the contract of one; `boom-x` is a bug of its own.</summary>
sealed class HttpSender(Uri endpoint, int inFlightMax = 1_000, TimeSpan? timeout = null) : IChannelSender
{
    private readonly HttpClient _http = new() { BaseAddress = endpoint, Timeout = timeout ?? TimeSpan.FromSeconds(20) };

    public int InFlightMax => inFlightMax;

    public async ValueTask<Attempt> SendAsync(Message message, Permit permit)
    {
        if (message.Address.Value.StartsWith("boom-", StringComparison.Ordinal))
        {
            throw new InvalidOperationException("a bug of the sender");
        }

        if (!permit.Holds)
        {
            return Attempt.Retry(Scope.Message, Permit.Lost);
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, message.Address.Value) { Content = new ByteArrayContent(message.Content.ToByteArray()) };
        request.Headers.Add("message-id", Id.From(message.MessageId.Span).ToText(IdPrefix.Message));
        request.Headers.Add("attempt", message.Attempts.ToString(CultureInfo.InvariantCulture));
        try
        {
            using var answer = await _http.SendAsync(request);
            return answer.StatusCode switch
            {
                HttpStatusCode.OK => Attempt.Accepted("ok"),
                HttpStatusCode.Gone => Attempt.Rejected(Scope.Recipient, "gone") with { Suppress = true },
                HttpStatusCode.Unauthorized => Attempt.Retry(Scope.Credential, "unauthorized"),
                HttpStatusCode.Forbidden => Attempt.Retry(Scope.Credential, "expired") with { AgainAtOnce = true },
                var status => Attempt.Retry(Scope.Provider, status.ToString(), answer.Headers.RetryAfter?.Delta),
            };
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError)
        {
            return Attempt.Retry(Scope.Provider, "no connection");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return Attempt.Unknown(e.GetType().Name);
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }
}
