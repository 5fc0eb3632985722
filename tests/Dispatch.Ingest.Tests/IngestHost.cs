using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Ingest.Idempotency;
using Dispatch.Log;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dispatch.Ingest.Tests;

/// <summary>The real service on loopback: Kestrel, the log in files, PostgreSQL.</summary>
public sealed class IngestHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly bool _ownsFolder;

    private IngestHost(WebApplication app, TempFolder folder, bool ownsFolder, Uri address)
    {
        (_app, Folder, _ownsFolder, Address) = (app, folder, ownsFolder, address);
        Key = File.ReadAllText(Path.Combine(folder.Path, "secrets", "first-key"));
        Http = Client(Key);
    }

    public TempFolder Folder { get; }

    public Uri Address { get; }

    public string Key { get; }

    /// <summary>With the first key.</summary>
    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public IEventLog Log => Services.GetRequiredService<IEventLog>();

    internal Door Door => Services.GetRequiredService<Door>();

    /// <param name="connectionString">null: nothing listens there.</param>
    /// <param name="folder">Of an earlier host, to go on with.</param>
    public static async Task<IngestHost> StartAsync(
        string? connectionString, TempFolder? folder = null, Action<IServiceCollection>? change = null, params (string Key, string Value)[] settings)
    {
        var data = folder ?? new TempFolder();
        var ports = FreePorts.Row(2);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (Environment.GetEnvironmentVariable("DISPATCH_TEST_LOG") is not null)
        {
            builder.Logging.AddSimpleConsole();
        }

        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Dispatch:Data"] = data.Path,
            ["Dispatch:Listen"] = $"http://127.0.0.1:{ports}",
            ["Dispatch:AdminListen"] = $"http://127.0.0.1:{ports + 1}",
            ["Dispatch:Postgres"] = connectionString ?? $"Host=127.0.0.1;Port={FreePorts.One()};Username=nobody;Database=none",
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(it => KeyValuePair.Create(it.Key, (string?)it.Value)));
        builder.AddIngest();
        change?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapIngest();
        await app.StartAsync();
        var host = new IngestHost(app, data, folder is null, new Uri($"http://127.0.0.1:{ports}"));
        if (connectionString is not null)
        {
            await Eventually.HoldsAsync(() => host.Door.BlindSince is null);
        }

        return host;
    }

    public HttpClient Client(string? key)
    {
        var client = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(30) };
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    public async Task<Answered> PostAsync(string path, string json, string? idempotencyKey = null, HttpClient? with = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        if (idempotencyKey is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        }

        return await SendAsync(request, with);
    }

    public async Task<Answered> GetAsync(string path, HttpClient? with = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        return await SendAsync(request, with);
    }

    public async Task<Answered> SendAsync(HttpRequestMessage request, HttpClient? with = null)
    {
        using var response = await (with ?? Http).SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answered(
            (int)response.StatusCode, text,
            response.Headers.Concat(response.Content.Headers).ToDictionary(it => it.Key, it => string.Join(", ", it.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Everything that a topic holds, in all partitions.</summary>
    public async Task<List<Entry>> EntriesAsync(string topic)
    {
        var entries = new List<Entry>();
        for (var partition = 0; partition < Log.PartitionsOf(topic); partition++)
        {
            await foreach (var entry in Log.ScanAsync(new TopicPartition(topic, partition), DateTimeOffset.UnixEpoch))
            {
                entries.Add(entry);
            }
        }

        return entries;
    }

    /// <summary>How many records the whole log holds.</summary>
    public async Task<int> CountAsync()
    {
        var count = 0;
        foreach (var topic in Topics.All)
        {
            count += (await EntriesAsync(topic)).Count;
        }

        return count;
    }

    public async Task<List<Request>> RequestsAsync(TrafficClass of = TrafficClass.Transactional) =>
        (await EntriesAsync(Topics.Requests(of))).ConvertAll(it => Request.Parser.ParseFrom(it.Value.Span));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_ownsFolder)
        {
            Folder.Dispose();
        }
    }
}

/// <summary>What came back.</summary>
public sealed record Answered(int Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Code => (string?)Json["code"];

    public string Header(string name) => Headers.GetValueOrDefault(name, "");

    /// <summary>Where a problem's faults are, each with its code: "/class required".</summary>
    public IEnumerable<string> Errors => Json["errors"]?.AsArray().Select(it => $"{it!["pointer"]} {it["code"]}") ?? [];
}

static class Posts
{
    /// <summary>A small request that is fine.</summary>
    public const string Fine = """
        { "class": "transactional", "recipients": [ { "email": "ada@example.org" } ],
          "content": { "email": { "from": "Shop <no-reply@shop.example>", "subject": "Your code", "text": "{{code}}" } }, "variables": { "code": "4711" } }
        """;

    /// <summary>A time so many days ago.</summary>
    public static string Ago(int days) => DateTimeOffset.UtcNow.AddDays(-days).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The id of a message that was accepted so many days ago.</summary>
    public static string MessageOf(int daysAgo) => Id.New(DateTimeOffset.UtcNow.AddDays(-daysAgo)).ToText(IdPrefix.Message);
}
