using System.Buffers.Text;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

/// <summary>A Sandbox of its own on free ports, and what a client needs to talk to it: trust, tokens, and HttpClient as the foreign party.</summary>
public class SandboxFixture : IAsyncLifetime, IDisposable
{
    private readonly TempFolder folder = new();
    private readonly SocketsHttpHandler handler = new();

    public Sandbox Sandbox { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    protected virtual SandboxOptions Options(string path) => new() { Folder = path, BasePort = 0, CallbackDelay = TimeSpan.FromMilliseconds(5), CallbackRetryDelay = TimeSpan.FromMilliseconds(5), CallbackTries = 3 };

    /// <summary>Keys that one Sandbox made are good enough for the next: an RSA key costs more than most tests.</summary>
    private static readonly Lazy<TempFolder> SharedCredentials = new(() =>
    {
        var shared = new TempFolder();
        Credentials.Ensure(shared.Path).EnsureFcm(new Uri("https://127.0.0.1:1/token"));
        return shared;
    });

    public async Task InitializeAsync()
    {
        var credentials = Directory.CreateDirectory(folder["credentials"]);
        foreach (var file in Directory.EnumerateFiles(SharedCredentials.Value["credentials"]))
        {
            File.Copy(file, Path.Combine(credentials.FullName, Path.GetFileName(file)));
        }

        Sandbox = await Sandbox.StartAsync(Options(folder.Path));
        handler.SslOptions = Trust(Sandbox.Credentials);
        Http = new HttpClient(handler, disposeHandler: false) { Timeout = TimeSpan.FromSeconds(20) };
    }

    public async Task DisposeAsync()
    {
        Http.Dispose();
        await Sandbox.DisposeAsync();
    }

    public void Dispose()
    {
        handler.Dispose();
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Trusts the Sandbox's root and nothing else.</summary>
    public static SslClientAuthenticationOptions Trust(Credentials credentials)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(credentials.CaFile);
        return new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
    }

    /// <summary>One provider token for all: a connection that gets a new one each time is refused.</summary>
    public string Bearer => bearer ??= ApnsToken();

    private string? bearer;

    public string ApnsToken(DateTimeOffset? issued = null, string keyId = Credentials.ApnsKeyId, string team = Credentials.ApnsTeamId, ECDsa? otherKey = null) =>
        ApnsToken(Sandbox.Credentials, issued, keyId, team, otherKey);

    public static string ApnsToken(
        Credentials credentials, DateTimeOffset? issued = null, string keyId = Credentials.ApnsKeyId, string team = Credentials.ApnsTeamId, ECDsa? otherKey = null)
    {
        using var own = ECDsa.Create();
        own.ImportFromPem(File.ReadAllText(credentials.ApnsKeyFile));
        var content = $"{Part(new JsonObject { ["alg"] = "ES256", ["kid"] = keyId })}.{Part(new JsonObject { ["iss"] = team, ["iat"] = (issued ?? DateTimeOffset.UtcNow).ToUnixTimeSeconds() })}";
        var signature = (otherKey ?? own).SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return $"{content}.{Base64Url.EncodeToString(signature)}";
    }

    public HttpRequestMessage Push(string deviceToken, string? bearer = null, string body = """{"aps":{"alert":"hello"}}""", params (string Name, string Value)[] headers) =>
        Push(Sandbox.Endpoints.Apns, deviceToken, bearer ?? Bearer, body, headers);

    public static HttpRequestMessage Push(Uri apns, string deviceToken, string bearer, string body, (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(apns, $"/3/device/{deviceToken}"))
        {
            Version = new Version(2, 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
        };
        request.Headers.TryAddWithoutValidation("authorization", "bearer " + bearer);
        foreach (var (name, value) in headers.Any(header => header.Name == "apns-topic") ? headers : [("apns-topic", "org.example.shop"), .. headers])
        {
            if (value.Length > 0)
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    public async Task<(int Status, string Reason)> PushAsync(HttpRequestMessage request)
    {
        using var answer = await Http.SendAsync(request);
        var body = await answer.Content.ReadAsStringAsync();
        return ((int)answer.StatusCode, body.Length == 0 ? "" : JsonDocument.Parse(body).RootElement.GetProperty("reason").GetString()!);
    }

    public async Task<JsonObject> AdminAsync(string path, object? body = null)
    {
        using var answer = body is null
            ? await Http.GetAsync(new Uri(Sandbox.Endpoints.Admin, path))
            : await Http.PostAsync(new Uri(Sandbox.Endpoints.Admin, path), new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"));
        var json = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsObject();
        json["http"] = (int)answer.StatusCode;
        return json;
    }

    public static string Part(JsonObject json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));
}
