using System.Text.Json.Nodes;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Bench.Backlog;

/// <summary>A data folder of the whole system with dispatch paused and so many messages waiting, and fresh processes that run on it.</summary>
sealed class WaitingHost(string data, long messages)
{
    private const int BatchSize = 1_000;
    private const int PauseSeconds = 24 * 3_600;

    /// <summary>Pauses as a person would, so that the next start is paused from its first moment, and fills the topic while nobody runs.</summary>
    public async Task PrepareAsync(CancellationToken stop)
    {
        await using (var host = await StartAsync(stop))
        {
            await host.PostAsync(
                "/v1/operate/modes",
                new JsonObject
                {
                    ["switch"] = Switches.Dispatch, ["value"] = "pause", ["reason"] = "a backlog is measured", ["owner"] = "bench", ["expires_in_seconds"] = PauseSeconds,
                },
                stop);
        }

        await using var log = FileLog.Open(new FileLogOptions { Folder = Path.Combine(data, "log") }, Topics.All, NullLogger.Instance);
        var topic = Topics.Messages(Channel.Push, TrafficClass.Campaign);
        foreach (var numbers in Range(messages).Chunk(BatchSize))
        {
            await log.AppendAsync([.. numbers.Select(FilledTopic.Notification).Select(it => new Record(topic, it.RecipientKey.Memory, it.ToByteArray()))], stop);
        }
    }

    /// <param name="settle">From when everything is up to when its memory is looked at.</param>
    /// <returns>Bytes, and what is wrong: all of them must still wait then.</returns>
    public async Task<(long Bytes, IReadOnlyList<string> Faults)> MeasureAsync(TimeSpan settle, CancellationToken stop)
    {
        await using var host = await StartAsync(stop);
        await Task.Delay(settle, stop);
        var waiting = (long)await host.Process.MetricAsync("dispatch_log_backlog", stop);
        return (host.Process.AnonymousBytes, waiting == messages ? [] : [$"{waiting} messages wait, not {messages}"]);
    }

    private Task<HostSide> StartAsync(CancellationToken stop) => HostSide.StartAsync(data, Lanes.Nobody(0), stop);

    private static IEnumerable<long> Range(long count)
    {
        for (long i = 0; i < count; i++)
        {
            yield return i;
        }
    }
}
