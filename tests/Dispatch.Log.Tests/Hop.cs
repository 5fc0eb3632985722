namespace Dispatch.Log.Tests;

/// <summary>A group that is being run, and its partitions to commit on.</summary>
sealed class Hop : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<TopicPartition, IPartition> _partitions = [];
    private Task _run = Task.CompletedTask;

    public IPartition this[TopicPartition id]
    {
        get
        {
            lock (_partitions)
            {
                return _partitions[id];
            }
        }
    }

    public static async Task<Hop> RunAsync(IEventLog log, string group, params string[] topics)
    {
        var hop = new Hop();
        var count = topics.Sum(log.PartitionsOf);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hop._run = log.RunAsync(new Group(group, topics), async (partition, revoked) =>
        {
            lock (hop._partitions)
            {
                hop._partitions[partition.Id] = partition;
                if (hop._partitions.Count == count)
                {
                    ready.TrySetResult();
                }
            }

            await Task.Delay(Timeout.Infinite, revoked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }, hop._stop.Token);
        await Task.WhenAny(ready.Task, hop._run);
        return hop;
    }

    /// <summary>Commits every partition at its end.</summary>
    public async Task PassAllAsync()
    {
        foreach (var partition in _partitions.Values)
        {
            await partition.CommitAsync([], new Position(partition.End));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }
}
