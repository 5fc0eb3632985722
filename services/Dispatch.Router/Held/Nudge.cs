namespace Dispatch.Router.Held;

/// <summary>
/// Wakes one who waits; several before that are one. Promise: giving it never throws and never waits, from however many threads, and also when nobody waits any more:
/// it is a handler of events, and an exception would hurt whoever raised them.
/// </summary>
sealed class Nudge
{
    private volatile TaskCompletionSource _given = Fresh();

    public void Give() => _given.TrySetResult();

    /// <summary>Returns when it was given since the last time, or after so long.</summary>
    public async Task WaitAsync(TimeSpan most, TimeProvider clock, CancellationToken stop)
    {
        await _given.Task.WaitAsync(most, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.ThrowIfCancellationRequested();
        if (_given.Task.IsCompleted)
        {
            _given = Fresh(); // before what is looked at next, so that nothing that changes meanwhile goes unseen
        }
    }

    private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
