using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using Dispatch.Contracts;

namespace Dispatch.Bench.Push;

/// <summary>The baseline: .NET's own HTTP/2 client on one connection, that sends what the product sends and keeps nothing.</summary>
sealed class PlainClient : IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly Uri _endpoint;
    private readonly string _authorization;
    private long _refused;

    public PlainClient(Uri endpoint, Sandbox.Credentials credentials)
    {
        (_endpoint, _authorization) = (endpoint, $"bearer {Token(credentials)}");
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPemFile(credentials.CaFile);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust },
        });
    }

    /// <summary>Answers other than 200.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public async Task SendAsync(long messages, int inFlight, CancellationToken stop)
    {
        var numbers = System.Threading.Channels.Channel.CreateBounded<long>(inFlight);
        var senders = Enumerable.Range(0, inFlight).Select(_ => SendAllAsync(numbers.Reader, stop)).ToList();
        for (long i = 0; i < messages; i++)
        {
            await numbers.Writer.WriteAsync(i, stop);
        }

        numbers.Writer.Complete();
        await Task.WhenAll(senders);
    }

    public void Dispose() => _http.Dispose();

    private async Task SendAllAsync(ChannelReader<long> numbers, CancellationToken stop)
    {
        await Task.Yield();
        while (await numbers.WaitToReadAsync(stop))
        {
            while (numbers.TryRead(out var number))
            {
                using var request = Request(number);
                using var answer = await _http.SendAsync(request, stop);
                await answer.Content.CopyToAsync(Stream.Null, stop);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    Interlocked.Increment(ref _refused);
                }
            }
        }
    }

    private HttpRequestMessage Request(long number)
    {
        var id = Id.New(DateTimeOffset.UtcNow);
        var messageId = id.ToText(IdPrefix.Message);
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_endpoint, $"/3/device/{Notification.Device(number)}"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(
                $$$"""{"aps":{"alert":{"title":"{{{Notification.Title}}}","body":"{{{Notification.Body}}}"}},"dispatch_message_id":"{{{messageId}}}"}""")),
        };
        request.Headers.TryAddWithoutValidation("authorization", _authorization);
        request.Headers.TryAddWithoutValidation("apns-topic", Notification.App);
        request.Headers.TryAddWithoutValidation("apns-push-type", "alert");
        request.Headers.TryAddWithoutValidation("apns-priority", "10");
        request.Headers.TryAddWithoutValidation("apns-id", id.ToGuid().ToString());
        request.Headers.TryAddWithoutValidation("apns-collapse-id", messageId);
        request.Headers.TryAddWithoutValidation("apns-expiration", DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        return request;
    }

    private static string Token(Sandbox.Credentials credentials)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(credentials.ApnsKeyFile));
        var claims = string.Create(CultureInfo.InvariantCulture, $$"""{"iss":"{{Sandbox.Credentials.ApnsTeamId}}","iat":{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}""");
        var signed = $"{Text($$"""{"alg":"ES256","kid":"{{Sandbox.Credentials.ApnsKeyId}}"}""")}.{Text(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))}";
    }

    private static string Text(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
}
