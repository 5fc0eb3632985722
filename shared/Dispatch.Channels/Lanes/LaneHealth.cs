namespace Dispatch.Channels.Lanes;

enum LaneState
{
    Open = 0,

    /// <summary>Faulted: takes no new work until a probe made progress.</summary>
    Fenced = 1,

    /// <summary>Its credential is refused: the same, and a person should look.</summary>
    Held = 2,
}

/// <summary>
/// Progress is health. A lane with work that made no progress for a while is faulted, whatever its process or socket says; it comes back when one real message got
/// through. Progress is an answer that decides a message: accepted, or a no to the message or its recipient; a provider that says no to a dead token is at work.
/// A pause that the provider asked for is no silence. Not thread-safe; times are of one steady clock.
/// </summary>
sealed class LaneHealth(TimeSpan silenceMax, TimeSpan probeDelay, TimeSpan probeDelayMax)
{
    /// <summary>So many failures in a row, over at least <see cref="FailingMin"/>: no need to wait for the silence to be complete.</summary>
    private const int FailuresMax = 20;

    private static readonly TimeSpan FailingMin = TimeSpan.FromSeconds(5);

    /// <summary>A Retry-After of centuries is a fault of its own.</summary>
    private static readonly TimeSpan PauseMax = TimeSpan.FromDays(1);

    private TimeSpan? _busySince;
    private TimeSpan? _failingSince;
    private TimeSpan _progressAt;
    private TimeSpan _pausedUntil;
    private TimeSpan _lookedAt;
    private TimeSpan _probeAt;
    private TimeSpan _probeWait;
    private int _failures;
    private bool _probing;

    public LaneState State { get; private set; }

    public TimeSpan PausedUntil => _pausedUntil;

    /// <summary>How many attempts may begin now, as far as health goes; 1 where it would be a probe.</summary>
    public int Admits(TimeSpan now) =>
        now < _pausedUntil ? 0 : State == LaneState.Open ? int.MaxValue : _probing || now < _probeAt ? 0 : 1;

    public void ProbeBegan() => _probing = true;

    /// <summary>The probe ended without saying anything about the lane.</summary>
    public void ProbeVanished() => _probing = false;

    /// <returns>Did the lane come back?</returns>
    public bool Progressed(TimeSpan now)
    {
        var wasOpen = State == LaneState.Open;
        (State, _progressAt, _failures, _failingSince, _probing, _probeWait) = (LaneState.Open, now, 0, null, false, probeDelay);
        return !wasOpen;
    }

    /// <summary>The provider, or the way to it, failed.</summary>
    /// <param name="retryAfter">Nothing is sent before.</param>
    /// <returns>Is the lane faulted by this?</returns>
    public bool Failed(TimeSpan now, TimeSpan? retryAfter)
    {
        if (retryAfter is { } pause && pause > TimeSpan.Zero)
        {
            _pausedUntil = Max(_pausedUntil, now + Min(pause, PauseMax));
        }
        else
        {
            _failures++;
            _failingSince ??= now;
        }

        if (State != LaneState.Open)
        {
            ProbeFailed(now);
            return false;
        }

        return _failures >= FailuresMax && now - _failingSince >= Min(FailingMin, silenceMax) && Leave(LaneState.Fenced, now);
    }

    /// <returns>Is the lane held by this?</returns>
    public bool CredentialRefused(TimeSpan now)
    {
        if (State == LaneState.Held)
        {
            ProbeFailed(now);
            return false;
        }

        return Leave(LaneState.Held, now);
    }

    /// <summary>Is looked at now and then.</summary>
    /// <param name="busy">Something is in flight, or waits and could be sent.</param>
    /// <returns>Is the lane faulted by its silence?</returns>
    public bool Look(TimeSpan now, bool busy)
    {
        var stoodStill = now - _lookedAt > silenceMax / 2; // this process did, so the silence is not the lane's
        _lookedAt = now;
        _busySince = !busy ? null : stoodStill ? now : _busySince ?? now;
        return State == LaneState.Open && _busySince is { } since && now - Max(Max(since, _progressAt), _pausedUntil) >= silenceMax && Leave(LaneState.Fenced, now);
    }

    private void ProbeFailed(TimeSpan now)
    {
        if (_probing)
        {
            _probing = false;
            _probeWait = Min(_probeWait * 2, probeDelayMax);
            _probeAt = now + _probeWait;
        }
    }

    private bool Leave(LaneState to, TimeSpan now)
    {
        (State, _probing, _probeWait, _probeAt) = (to, false, probeDelay, now + probeDelay);
        return true;
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
