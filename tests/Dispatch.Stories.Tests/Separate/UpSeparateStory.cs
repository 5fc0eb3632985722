using System.Diagnostics;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Dispatch.Cli.Gameday;
using Dispatch.Testing;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

[Collection(Quiet.Name)]
public sealed partial class UpSeparateStory(ITestOutputHelper output) : Story(output)
{
    private static readonly Dictionary<string, string> OnKafka = new() { ["Dispatch:Kafka:Brokers"] = "auto" };

    [SeparateFact]
    public async Task Every_service_in_a_process_of_its_own_is_started_again_when_it_dies_and_ends_with_its_parent()
    {
        await using var session = new Session(Data, seed: 211, settings: OnKafka, separate: true);
        await session.StartAsync(StartPatience, default);
        var load = session.Load.RunAsync(session.Plan.Requests(400), connections: 4, persistent: true);
        var router = ProcessOf("router", session.Host.LastLines);
        router.Kill();
        await Eventually.HoldsAsync(() => session.Host.LastLines.Contains("router ended by itself with exit code 137", StringComparison.Ordinal), StartPatience);
        await load;
        await JudgeAsync(session);
        await StatsMatchAsync(session);

        await session.Host.KillAsync();
        var killed = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync(() => Enumerable.Range(session.Host.Port, 15).All(IsFree), StartPatience);
        Tell($"all of them had ended {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s after their parent was killed");

        await session.Host.StartAsync(StartPatience);
        await session.Host.StopAsync(StartPatience); // brokers and database too
        string[] order = [.. Stopped().Matches(session.Host.LastLines).Select(it => it.Groups[1].Value)];
        Tell($"stopped: {string.Join("; ", order)}");
        order.ShouldBe(["ingest", "router", "push, email, sms", "feedback", "sandbox"]);
    }

    private static Process ProcessOf(string service, string lines) =>
        Process.GetProcessById(int.Parse(Regex.Match(lines, $"{service} started as process ([0-9]+)").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"Stopped ([a-z, ]+) in ")]
    private static partial Regex Stopped();
}
