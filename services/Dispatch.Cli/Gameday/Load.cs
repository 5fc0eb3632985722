using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Dispatch.Cli.Api;

namespace Dispatch.Cli.Gameday;

/// <summary>Posts a plan through the public API, and keeps its own log of what was promised.</summary>
public sealed class Load(Func<ApiClient> client)
{
    private readonly ConcurrentDictionary<string, Promised> _promised = new();
    private int _posted;
    private int _errors;
    private int _unreachable;

    public IReadOnlyCollection<Promised> Promised => [.. _promised.Values];

    public bool IsPromised(string messageId) => _promised.ContainsKey(messageId);

    public int Posted => _posted;

    /// <summary>5xx and time-outs as a caller sees them; who posts again counts each of them.</summary>
    public int Errors => _errors;

    /// <summary>Posts that found nobody, or whose connection broke: the process was not there, or died. Of persistent callers; others count it as an error.</summary>
    public int Unreachable => _unreachable;

    /// <summary>From when a request was due until its answer 2xx, over all its posts.</summary>
    public Latencies Latencies { get; } = new();

    /// <summary>The last refusal, in words; empty: none.</summary>
    public string LastRefusal { get; private set; } = "";

    /// <param name="persistent">A request that was not answered is posted again with its key, as a careful caller does, until it is.</param>
    /// <param name="repeat">Posts of each request, all with the same key.</param>
    public Task RunAsync(IEnumerable<PlannedRequest> plan, int connections, bool persistent, int repeat = 1, CancellationToken stop = default) =>
        Parallel.ForEachAsync(plan, new ParallelOptions { MaxDegreeOfParallelism = connections, CancellationToken = stop }, async (request, stopping) =>
        {
            var key = Guid.NewGuid().ToString("N");
            for (var i = 0; i < repeat; i++)
            {
                await PostAsync(request, key, persistent, stopping);
            }

            Interlocked.Increment(ref _posted);
        });

    /// <summary>So many a second whatever the answers take, as independent callers post: a wait of one is not hidden by the next being late.</summary>
    public async Task PaceAsync(IEnumerable<PlannedRequest> plan, double perSecond, CancellationToken stop = default)
    {
        var (began, due, posts) = (Stopwatch.GetTimestamp(), TimeSpan.Zero, new List<Task>());
        foreach (var request in plan)
        {
            if (due - Stopwatch.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
            {
                await Task.Delay(left, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (stop.IsCancellationRequested)
            {
                break;
            }

            posts.Add(PostAsync(request, Guid.NewGuid().ToString("N"), persistent: true, CancellationToken.None));
            Interlocked.Increment(ref _posted);
            due += TimeSpan.FromSeconds(1 / perSecond);
        }

        await Task.WhenAll(posts);
    }

    private async Task PostAsync(PlannedRequest request, string key, bool persistent, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            ApiAnswer? answer = null;
            try
            {
                answer = await client().PostAsync("/v1/messages", request.Body.DeepClone(), key, stop);
            }
            catch (TaskCanceledException) when (!stop.IsCancellationRequested)
            {
                LastRefusal = "no answer in time";
                Interlocked.Increment(ref _errors);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                Interlocked.Increment(ref persistent ? ref _unreachable : ref _errors);
            }

            if (answer is { Success: true })
            {
                Latencies.Add(Stopwatch.GetElapsedTime(began));
                Keep(request, answer.Body!);
                return;
            }

            if (answer is null && !persistent)
            {
                return;
            }

            if (answer is not null && (int)answer.Status is not (409 or 429))
            {
                LastRefusal = new ApiException(answer).Message;
                Interlocked.Increment(ref _errors);
                if (!persistent || (int)answer.Status < 500)
                {
                    return;
                }
            }

            await Task.Delay(100, stop);
        }
    }

    private void Keep(PlannedRequest request, JsonNode body)
    {
        foreach (var message in body["messages"]!.AsArray().Where(it => (string?)it!["status"] == "accepted"))
        {
            var id = (string)message!["message_id"]!;
            _promised.TryAdd(id, new Promised(id, request.Recipient, request.Counts));
        }
    }
}
