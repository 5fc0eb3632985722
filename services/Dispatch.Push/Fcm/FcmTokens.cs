using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Push.Http2;
using Microsoft.Extensions.Logging;

namespace Dispatch.Push.Fcm;

/// <summary>An access token as the whole header block of a send: everything in it stays the same until the next token.</summary>
sealed record FcmToken(byte[] Header, DateTimeOffset IssuedAt, DateTimeOffset RefreshAt, DateTimeOffset ExpiresAt);

/// <summary>A token, or what an attempt without one answers.</summary>
readonly record struct FcmGrant(FcmToken? Token, Attempt? Fault);

/// <summary>
/// The access token of one project: exchanged for a signed assertion, one exchange at a time, again when five sixths of its life are over (50 min of an hour, give or take).
/// While an old one is still good nobody waits for the new one. After a failure the endpoint is left alone for a while, longer each time.
/// </summary>
sealed class FcmTokens(FcmOptions options, TimeProvider clock, ILogger<FcmTokens> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromMinutes(1);

    /// <summary>A token that is refused at this age was not worn out: the next one would be refused too.</summary>
    private static readonly TimeSpan YoungMax = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private volatile FcmToken? current;
    private Task<FcmGrant>? exchange;
    private Attempt? fault;
    private long notBefore; // a timestamp: a clock that is set back must not prolong a back-off
    private int failures;

    public ValueTask<FcmGrant> CurrentAsync()
    {
        var now = clock.GetUtcNow();
        var token = current;
        if (token is not null && now < token.RefreshAt)
        {
            return new(new FcmGrant(token, null));
        }

        var fresh = ExchangeAsync();
        return token is not null && now < token.ExpiresAt ? new(new FcmGrant(token, null)) : new(fresh);
    }

    /// <summary>FCM refused this token: the next attempt has to have another.</summary>
    /// <returns>Whether another one can help.</returns>
    public bool Drop(FcmToken refused)
    {
        lock (gate)
        {
            if (current == refused && clock.GetUtcNow() - refused.IssuedAt > YoungMax)
            {
                current = null;
            }

            return current != refused;
        }
    }

    private Task<FcmGrant> ExchangeAsync()
    {
        lock (gate)
        {
            if (exchange is { IsCompleted: false })
            {
                return exchange;
            }

            return clock.GetElapsedTime(clock.GetTimestamp(), notBefore) is { Ticks: > 0 } rest
                ? Task.FromResult(new FcmGrant(null, fault! with { RetryAfter = rest }))
                : exchange = RunAsync();
        }
    }

    private async Task<FcmGrant> RunAsync()
    {
        await Task.Yield(); // the caller holds the lock
        var project = "";
        Attempt failed;
        try
        {
            var account = ServiceAccount.Read(options.ServiceAccountFile);
            project = account.ProjectId;
            using var http = Client();
            var askedAt = clock.GetUtcNow(); // its life began no earlier: counted from the answer it would last longer here than at Google
            using var form = new FormUrlEncodedContent(
            [
                new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                new("assertion", account.Assertion(askedAt)),
            ]);
            using var answer = await http.PostAsync(account.TokenUri, form);
            var body = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(), FcmJson.Default.TokenAnswer);
            if (answer.IsSuccessStatusCode && body is { AccessToken: { Length: > 0 } token, ExpiresIn: > 0 } && HpackWriter.IsFieldValue(token))
            {
                return Keep(Token(account, token, askedAt, TimeSpan.FromSeconds(Math.Min(body.ExpiresIn, 86_400))), project);
            }

            failed = (int)answer.StatusCode is >= 400 and < 500 and not (int)HttpStatusCode.TooManyRequests and not (int)HttpStatusCode.RequestTimeout
                ? Attempt.Retry(Scope.Credential, $"oauth_{(body?.Error is { Length: <= 40 } error ? error : $"{(int)answer.StatusCode}")}")
                : Attempt.Retry(Scope.Provider, $"oauth_{(int)answer.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            failed = Attempt.Retry(Scope.Provider, "oauth_unreachable");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            failed = Attempt.Retry(Scope.Credential, "account_unreadable");
        }
        catch (JsonException)
        {
            failed = project.Length == 0 ? Attempt.Retry(Scope.Credential, "account_unreadable") : Attempt.Retry(Scope.Provider, "oauth_malformed");
        }

        return Fail(failed, project);
    }

    private FcmGrant Keep(FcmToken token, string project)
    {
        lock (gate)
        {
            current = token;
            failures = 0;
        }

        PushMetrics.CredentialsRenewed.Add(1, new KeyValuePair<string, object?>("provider", "fcm"));
        log.AccessTokenExchanged(project, token.ExpiresAt - token.IssuedAt);
        return new FcmGrant(token, null);
    }

    private FcmGrant Fail(Attempt failed, string project)
    {
        TimeSpan pause;
        lock (gate)
        {
            var step = Math.Min(BackoffMax.TotalMilliseconds, 1_000 * Math.Pow(2, Math.Min(failures++, 10)));
            pause = TimeSpan.FromMilliseconds(step * RandomNumberGenerator.GetInt32(500, 1_001) / 1_000);
            notBefore = clock.GetTimestamp() + (long)(pause.TotalSeconds * clock.TimestampFrequency);
            fault = failed with { RetryAfter = pause };
        }

        log.AccessTokenFailed(project, failed.Reason, pause);
        return new FcmGrant(null, fault);
    }

    private FcmToken Token(ServiceAccount account, string token, DateTimeOffset askedAt, TimeSpan lifetime)
    {
        var refresh = lifetime * (RandomNumberGenerator.GetInt32(800, 867) / 1_000.0); // not all dispatchers in the same second
        return new FcmToken(HeaderOf(account.ProjectId, token), askedAt, askedAt + refresh, askedAt + lifetime - TimeSpan.FromSeconds(30));
    }

    private byte[] HeaderOf(string project, string token)
    {
        var header = new ArrayBufferWriter<byte>();
        header.Write(HpackWriter.Post(options.Endpoint.Authority));
        HpackWriter.Path(header, "/v1/projects/", $"{project}/messages:send");
        HpackWriter.Field(header, "authorization"u8, $"Bearer {token}");
        HpackWriter.Field(header, "content-type"u8, "application/json; charset=utf-8");
        return header.WrittenSpan.ToArray();
    }

    /// <summary>A client for one exchange an hour: it needs no pool, and reads the trust file as it is now.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The client owns its handler.")]
    private HttpClient Client()
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        handler.SslOptions.CertificateChainPolicy = Tls.Trusting(options.TrustFile);
        return new HttpClient(handler)
        {
            Timeout = Patience,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            MaxResponseContentBufferSize = 65_536,
        };
    }
}
