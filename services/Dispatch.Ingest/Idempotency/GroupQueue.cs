namespace Dispatch.Ingest.Idempotency;

/// <summary>
/// What waits to share a statement. Several take groups from it; nobody takes one that is smaller than what is on its way already: a small statement costs nearly what a
/// large one does, and whoever comes back from the way takes all that waits by then. Whoever is about to take lets all go first that the pool has ready: some of it comes along.
/// </summary>
sealed class GroupQueue<T>(int groupSizeMax)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _takers = new();
    private List<T> _waiting = [];
    private int _onTheirWay;
    private bool _isClosed;

    /// <returns>False: closed.</returns>
    public bool TryAdd(T item)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            _waiting.Add(item);
            while (IsWorthIt && _takers.TryDequeue(out var taker) && !taker.TrySetResult())
            {
                // it was told to stop: the next one
            }

            return true;
        }
    }

    /// <summary>The next group, at least one; <see cref="Return"/> says that it came back.</summary>
    public async Task<List<T>> TakeAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Yield();
            TaskCompletionSource taker;
            lock (_gate)
            {
                if (IsWorthIt)
                {
                    return Take();
                }

                _takers.Enqueue(taker = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            await using var stopping = stop.Register(() => taker.TrySetCanceled(stop));
            await taker.Task;
        }
    }

    public void Return(List<T> group)
    {
        lock (_gate)
        {
            _onTheirWay -= group.Count;
        }
    }

    /// <summary>Nothing comes in any more.</summary>
    /// <returns>What still waits.</returns>
    public List<T> Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            (var left, _waiting) = (_waiting, []);
            return left;
        }
    }

    private bool IsWorthIt => _waiting.Count > 0 && _waiting.Count >= _onTheirWay;

    /// <summary>Under the lock that looked: a group that is nobody's for a moment could miss the closing, and its callers would wait for ever.</summary>
    private List<T> Take()
    {
        var group = _waiting;
        _waiting = [];
        if (group.Count > groupSizeMax)
        {
            _waiting.AddRange(group[groupSizeMax..]);
            group.RemoveRange(groupSizeMax, group.Count - groupSizeMax);
        }

        _onTheirWay += group.Count;
        return group;
    }
}
