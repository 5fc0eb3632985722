namespace Dispatch.Push.Tests;

/// <summary>A wall clock that stands still until it is told to move; timers and time-outs run on the real one.</summary>
public sealed class HandClock(DateTimeOffset start) : TimeProvider
{
    private DateTimeOffset now = start;

    public override DateTimeOffset GetUtcNow() => now;

    public void Advance(TimeSpan by) => now += by;
}
