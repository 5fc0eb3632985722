using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dispatch.Cli.Gameday;

/// <summary>Waits for what processes say of themselves on their admin ports.</summary>
public static class Probes
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Every dependency that is looked at is there.</summary>
    public static bool IsReady(JsonObject checks) => checks.All(it => (string?)it.Value!["status"] == "ready");

    /// <summary>Returns when the checks of all these processes, taken together by name, are as wanted.</summary>
    /// <exception cref="InvalidOperationException">One ended; the message has its last lines.</exception>
    /// <exception cref="TimeoutException">They were not, in time; the message has what they said last.</exception>
    public static async Task WhenAsync(
        IReadOnlyList<(LocalProcess Process, Uri Admin)> of, Func<JsonObject, bool> wanted, string what, TimeSpan patience, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var since = Stopwatch.GetTimestamp();
        var checks = new JsonObject();
        while (Stopwatch.GetElapsedTime(since) < patience)
        {
            if (of.Select(it => it.Process).FirstOrDefault(it => !it.Runs) is { } ended)
            {
                throw new InvalidOperationException($"{ended.Name} ended with {ended.ExitCode}; its last lines:\n{ended.LastLines}");
            }

            checks = [];
            if (await Task.WhenAll(of.Select(it => AskAsync(http, it.Admin, stop))) is var answers && Array.TrueForAll(answers, it => it is not null))
            {
                foreach (var (name, check) in answers.SelectMany(it => it!))
                {
                    // Of instances of one service, the one that is not ready speaks for all.
                    if (checks[name] is not { } other || (string?)other["status"] == "ready")
                    {
                        checks[name] = check!.DeepClone();
                    }
                }

                if (wanted(checks))
                {
                    return;
                }
            }

            await Task.Delay(Look, stop);
        }

        throw new TimeoutException($"{string.Join(", ", of.Select(it => it.Process.Name))} not as wanted ({what}) within {patience}; said last: {checks.ToJsonString()}\n{string.Join('\n', of.Select(it => it.Process.LastLines))}");
    }

    private static async Task<JsonObject?> AskAsync(HttpClient http, Uri admin, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(admin, "/healthz/ready"), stop);
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync(stop))?["checks"] as JsonObject;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            return null; // not there yet
        }
    }
}
