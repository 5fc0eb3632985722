using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Dispatch.Cli.Api;

namespace Dispatch.Cli.Gameday;

/// <summary>Posts a plan through the public API, and keeps its own log of what was promised.</summary>
public sealed class Load(Func<ApiClient> client)
{
    private readonly ConcurrentDictionary<string, Promised> _promised = new();
    private int _posted;
    private int _errors;

    public IReadOnlyCollection<Promised> Promised => [.. _promised.Values];

    public int Posted => _posted;

    /// <summary>5xx and time-outs as a caller sees them, while the process lives.</summary>
    public int Errors => _errors;

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

    private async Task PostAsync(PlannedRequest request, string key, bool persistent, CancellationToken stop)
    {
        while (true)
        {
            ApiAnswer? answer = null;
            try
            {
                answer = await client().PostAsync("/v1/messages", request.Body.DeepClone(), key, stop);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException && !stop.IsCancellationRequested)
            {
                if (!persistent)
                {
                    Interlocked.Increment(ref _errors);
                    return;
                }
            }

            if (answer is { Success: true })
            {
                Keep(request, answer.Body!);
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
