using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Dispatch.Sandbox;
using Dispatch.Testing;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>Every service's own program, with nothing of what it needs: it neither crashes nor pretends, and ends in order. Needs no Kafka.</summary>
public sealed class AloneStory(ITestOutputHelper output) : Story(output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Services => ["ingest", "router", "push", "email", "sms", "feedback"];

    [Theory, MemberData(nameof(Services))]
    public async Task A_service_without_anything_it_needs_runs_says_so_and_ends_with_0(string service)
    {
        await using var alone = Alone(service, []);
        alone.Process.Start();
        // Ingest has a spool: it lets callers in, when it has rehearsed.
        Func<JsonObject, bool> wanted = service == "ingest" ? checks => Is(checks, "log", "degraded") && Is(checks, "rehearsal", "ready") : checks => Is(checks, "log", "unready");
        await Probes.WhenAsync([(alone.Process, alone.Admin)], wanted, "without a log", Patience, default);
        using var http = new HttpClient { BaseAddress = alone.Admin };
        ((int)(await http.GetAsync(new Uri("/healthz/live", UriKind.Relative))).StatusCode).ShouldBe(200);
        ((int)(await http.GetAsync(new Uri("/healthz/ready", UriKind.Relative))).StatusCode).ShouldBe(service == "ingest" ? 200 : 503);
        var began = Stopwatch.GetTimestamp();
        await alone.StopAsync(); // with 0
        Tell($"{service} ended {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s after SIGTERM");
        alone.Process.LastLines.ShouldNotContain("Unhandled exception");
    }

    [Theory, MemberData(nameof(Services))]
    public async Task A_service_with_bad_settings_names_all_of_them_and_ends_with_1(string service)
    {
        await using var alone = Alone(service, new() { ["Dispatch:Kafka:Partitions"] = "0", ["Dispatch:Kafka:Replication"] = "12", ["Dispatch:Freshness:Campaign"] = "400.00:00:00", ["Dispatch:Listen"] = "" });
        alone.Process.Start();
        using var deadline = new CancellationTokenSource(Patience);
        await alone.Process.EndedAsync(deadline.Token);
        Tell(alone.Process.LastLines);
        alone.Process.ExitCode.ShouldBe(1);
        alone.Process.LastLines.ShouldContain("Partitions");
        alone.Process.LastLines.ShouldContain("Replication");
        alone.Process.LastLines.ShouldContain("Listen");
        alone.Process.LastLines.ShouldNotContain("   at ", Case.Sensitive, "no stack trace");
    }

    private static bool Is(JsonObject checks, string check, string status) => (string?)checks[check]?["status"] == status;

    /// <summary>Brokers, database and providers at addresses where nobody listens; the Sandbox's credentials are not made yet.</summary>
    private Instance Alone(string service, Dictionary<string, string> settings)
    {
        var nobody = FreePorts.Row(32);
        foreach (var (key, value) in SandboxLanes.Settings(Path.Combine(Data, "sandbox"), nobody + 1, relays: 1))
        {
            settings.TryAdd(key, value!);
        }

        settings.TryAdd("Dispatch:Kafka:Brokers", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{nobody}"));
        settings.TryAdd("Dispatch:Postgres", string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={nobody};Username=dispatch;Database=dispatch"));
        return new Instance(service, service, Data, FreePorts.One(), service == "ingest" && !settings.ContainsKey("Dispatch:Listen") ? FreePorts.One() : 0, settings);
    }
}
