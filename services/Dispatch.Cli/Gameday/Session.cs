using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Dispatch.Cli.Api;

namespace Dispatch.Cli.Gameday;

/// <summary>A running system under test, a load of its own name, and the three logs that the verdict joins.</summary>
public sealed class Session : IAsyncDisposable
{
    /// <summary>What a busy provider asks for; one that asks for nothing gets its documented pause, which is a minute for FCM.</summary>
    public const int RetryAfterSeconds = 1;

    private const int ConnectionsMax = 512; // callers do not wait for one another

    private readonly ConcurrentDictionary<Uri, ApiClient> _clients = new();
    private readonly HostProcess? _own;

    /// <summary>On one Host of its own, which ends with it.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "DisposeAsync has it.")]
    public Session(string data, int seed, int capLimit = 3, IReadOnlyDictionary<string, string>? settings = null, bool separate = false)
        : this(new HostProcess(data, new Dictionary<string, string>([SandboxDefault, .. settings ?? new Dictionary<string, string>()]), separate), seed, capLimit) => _own = (HostProcess)System;

    /// <summary>On a system that outlives it.</summary>
    public Session(ISystem system, int seed, int capLimit = 3)
    {
        System = system;
        CapLimit = capLimit;
        Name = $"day{seed}";
        Plan = new Plan(seed, Name, capLimit);
        Load = new Load(() => Client);
    }

    public static KeyValuePair<string, string> SandboxDefault { get; } = new("Dispatch:Sandbox:RetryAfterSeconds", RetryAfterSeconds.ToString(CultureInfo.InvariantCulture));

    public ISystem System { get; }

    public HostProcess Host => _own ?? throw new InvalidOperationException("this session is not on a Host of its own");

    public string Name { get; }

    public int CapLimit { get; }

    public TimeSpan CapWindow { get; init; } = TimeSpan.FromDays(1);

    public Plan Plan { get; }

    public Load Load { get; }

    public ApiClient Client => _clients.GetOrAdd(System.Api, api => new ApiClient(api, System.FirstKey, ConnectionsMax));

    /// <summary>Starts the system and gives it the cap that the verdict counts by: so many a day, over all channels, for what is not transactional.</summary>
    public async Task StartAsync(TimeSpan patience, CancellationToken stop)
    {
        await System.StartAsync(patience, stop);
        var rule = new JsonObject
        {
            ["kind"] = "global", ["limit"] = CapLimit, ["window_seconds"] = (int)CapWindow.TotalSeconds, ["classes"] = new JsonArray("automation", "campaign"),
        };
        (await Client.PostAsync("/v1/caps", rule, stop: stop)).EnsureSuccess();
        await System.WhenAsync("router", check => (int?)check["data"]?["cap_rules"] > 0, patience, stop);
    }

    /// <param name="channel">null: all of them.</param>
    public async Task SwitchAsync(string @switch, string value, string reason, CancellationToken stop, string? channel = null)
    {
        var change = new JsonObject { ["switch"] = @switch, ["value"] = value, ["reason"] = reason, ["owner"] = "gameday", ["expires_in_seconds"] = 3_600 };
        if (channel is not null)
        {
            change["channel"] = channel;
        }

        (await Client.PostAsync("/v1/operate/modes", change, stop: stop)).EnsureSuccess();
    }

    /// <summary>Of this load, whether its answer has come back yet or not: recipients' addresses carry its name, phone numbers its promise.</summary>
    public bool Owns(Receipt receipt) => receipt.Recipient.Contains($"{Name}-", StringComparison.Ordinal) || Load.IsPromised(receipt.MessageId);

    /// <summary>Changes how a provider's stand-in behaves while it runs.</summary>
    public async Task SandboxAsync(string path, JsonObject body, CancellationToken stop)
    {
        using var http = new HttpClient();
        using var answer = await http.PostAsJsonAsync(new Uri(System.SandboxAdmin, path), body, stop);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>What Dispatch says became of every message of this load.</summary>
    public async Task<IReadOnlyDictionary<string, Ended>> EndedAsync(CancellationToken stop)
    {
        var ended = new Dictionary<string, Ended>();
        await foreach (var message in Client.ListAsync($"/v1/messages?label={Name}", stop))
        {
            ended[(string)message["message_id"]!] = new Ended((string)message["state"]!, (string?)message["caps"] != "not_checked");
        }

        return ended;
    }

    /// <summary>Waits until every promised message is at an end; gives up, without an exception, when nothing has changed for <paramref name="patience"/>.</summary>
    public async Task SettleAsync(TimeSpan patience, Action<int> settled, CancellationToken stop)
    {
        var (before, since) = (-1, DateTimeOffset.UtcNow);
        while (DateTimeOffset.UtcNow - since < patience)
        {
            var ended = await EndedAsync(stop);
            var now = Load.Promised.Count(it => ended.TryGetValue(it.MessageId, out var end) && Verdict.FinalStates.Contains(end.State));
            settled(now);
            if (now == Load.Promised.Count)
            {
                return;
            }

            if (now != before)
            {
                (before, since) = (now, DateTimeOffset.UtcNow);
            }

            await Task.Delay(250, stop);
        }
    }

    /// <summary>The stories of messages that are not at an end, as the API tells them; a few are enough to find the cause.</summary>
    public async Task<IReadOnlyList<string>> OpenAsync(int most, CancellationToken stop)
    {
        var (ended, stories) = (await EndedAsync(stop), new List<string>());
        foreach (var open in Load.Promised.Where(it => ended.TryGetValue(it.MessageId, out var end) && !Verdict.FinalStates.Contains(end.State)).Take(most))
        {
            stories.Add((await Client.GetAsync($"/v1/messages/{open.MessageId}", stop)).Body?.ToJsonString() ?? open.MessageId);
        }

        return stories;
    }

    public async Task<Verdict> VerdictAsync(CancellationToken stop, int inFlightWindow = 0) =>
        Verdict.Of(Load.Promised, await EndedAsync(stop), Oracle.Read(System.Oracle), CapLimit, CapWindow, inFlightWindow);

    /// <summary>
    /// Whether the statistics say what the providers wrote down, channel by channel: messages that some provider took. An attempt whose answer was lost is in
    /// neither count until it is answered.
    /// </summary>
    public async Task<(bool Match, string Detail)> StatsMatchAsync(CancellationToken stop)
    {
        var answer = (await Client.GetAsync($"/v1/stats?label={Name}&bucket=day&by=channel,kind", stop)).EnsureSuccess();
        var counted = answer.Body!["items"]!.AsArray()
            .Where(it => (string?)it!["kind"] == "sent")
            .GroupBy(it => (string)it!["channel"]!)
            .ToDictionary(it => it.Key, it => it.Sum(one => (long)one!["count"]!));
        var promised = Load.Promised.Select(it => it.MessageId).ToHashSet();
        var received = Oracle.Read(System.Oracle).Where(it => it.Accepted && it.Answered && promised.Contains(it.MessageId))
            .GroupBy(it => ChannelOf(it.Provider)).ToDictionary(it => it.Key, it => (Messages: it.Select(one => one.MessageId).Distinct().LongCount(), Times: it.LongCount()));
        var channels = counted.Keys.Union(received.Keys).Order(StringComparer.Ordinal).ToList();
        return (channels.All(Matches), string.Join(", ", channels.Select(Told)));

        // Who was told of a receipt may have died with it; then the next one counts.
        bool Matches(string channel) => counted.GetValueOrDefault(channel) is var count && received.GetValueOrDefault(channel) is var there && count >= there.Messages && count <= there.Times;

        string Told(string channel) => received.GetValueOrDefault(channel) is var there && there.Messages == there.Times
            ? $"{channel} {counted.GetValueOrDefault(channel)} counted, {there.Times} received"
            : $"{channel} {counted.GetValueOrDefault(channel)} counted, {there.Messages} received, {there.Times} times";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }

        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
    }

    private static string ChannelOf(string provider) => provider switch
    {
        "apns" or "fcm" => "push",
        "smtp" => "email",
        _ => "sms",
    };
}
