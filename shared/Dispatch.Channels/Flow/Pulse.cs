using System.Threading.Tasks.Sources;

namespace Dispatch.Channels.Flow;

/// <summary>Wakes one loop, from any thread and without garbage. A pulse that comes while nobody waits is kept; several are one.</summary>
sealed class Pulse : IValueTaskSource, IDisposable
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Set = 2;

    private readonly ITimer _timer;
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _state;

    public Pulse(TimeProvider time) => _timer = time.CreateTimer(static pulse => ((Pulse)pulse!).Send(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>Ends at the next pulse, or after <paramref name="atMost"/>; may end early. One waiter at a time.</summary>
    public ValueTask WaitAsync(TimeSpan atMost)
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Set) == Set)
        {
            return ValueTask.CompletedTask;
        }

        _core.Reset();
        _timer.Change(atMost, Timeout.InfiniteTimeSpan);
        var version = _core.Version;
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Set)
        {
            Volatile.Write(ref _state, Idle);
            return ValueTask.CompletedTask;
        }

        return new ValueTask(this, version);
    }

    public void Send()
    {
        if (Interlocked.Exchange(ref _state, Set) == Waiting)
        {
            Volatile.Write(ref _state, Idle);
            _core.SetResult(true);
        }
    }

    public void Dispose() => _timer.Dispose();

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
