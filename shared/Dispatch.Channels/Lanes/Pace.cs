using Dispatch.Contracts;

namespace Dispatch.Channels.Lanes;

/// <summary>What a lane may do now.</summary>
/// <param name="Room">Attempts that may begin.</param>
/// <param name="Retries">How many of them may be of messages that a provider failed before.</param>
/// <param name="IsProbe">The lane is out of service, and one message may find out whether it still is.</param>
readonly record struct Grant(int Room, int Retries, bool IsProbe);

/// <summary>How fast a lane goes, and whether it goes at all, as its provider's answers say. One lock around the parts that decide it; times are of one steady clock.</summary>
sealed class Pace(LaneOptions options, TimeSpan probeDelay, TimeSpan probeDelayMax, TimeProvider time)
{
    private const int BatchMax = 64;
    private const int CircuitsMax = 256; // apps that callers make up must not fill the memory

    private readonly Lock _gate = new();
    private readonly long _began = time.GetTimestamp();
    private readonly LaneHealth _health = new(options.SilenceMax, probeDelay, probeDelayMax);
    private readonly InFlightWindow _window = new(options.InFlightMax);
    private readonly TokenBucket _bucket = new(options.RatePerSecond, TimeSpan.Zero);
    private readonly RetryBudget _budget = new();
    private readonly Dictionary<string, BadTokenCircuit> _circuits = [];
    private int _inFlight;
    private bool _failedLast;
    private bool _wantsRoom;

    public TimeSpan Now => time.GetElapsedTime(_began);

    public int InFlight => Volatile.Read(ref _inFlight);

    public LaneState State
    {
        get
        {
            lock (_gate)
            {
                return _health.State;
            }
        }
    }

    /// <summary>How long the provider still wants nothing; zero: it takes.</summary>
    public TimeSpan Pause
    {
        get
        {
            lock (_gate)
            {
                return _health.PausedUntil is var until && until > Now ? until - Now : TimeSpan.Zero;
            }
        }
    }

    /// <summary>The last attempt that said anything about the lane failed: retries must wait their turn.</summary>
    public bool FailedLast => Volatile.Read(ref _failedLast);

    /// <param name="limit">As the sender has it now.</param>
    public Grant Ask(int limit)
    {
        lock (_gate)
        {
            var now = Now;
            var room = Math.Min(Math.Min(_health.Admits(now), BatchMax), Math.Min(Math.Min(limit, _window.Size) - _inFlight, _bucket.Available(now)));
            _wantsRoom = room <= 0;
            return _health.State == LaneState.Open ? new Grant(room, _budget.Available(now), IsProbe: false) : new Grant(room, 1, IsProbe: true);
        }
    }

    public void Took(int count, bool asProbe)
    {
        lock (_gate)
        {
            _bucket.Take(count);
            if (asProbe)
            {
                _health.ProbeBegan();
            }
        }
    }

    /// <summary>What was taken as a probe will say nothing about the lane.</summary>
    public void ProbeVanished()
    {
        lock (_gate)
        {
            _health.ProbeVanished();
        }
    }

    public void Began(bool isRetry)
    {
        lock (_gate)
        {
            _inFlight++;
            _budget.Sent(isRetry ? 0 : 1, isRetry ? 1 : 0);
        }
    }

    /// <returns>Was the lane waiting for room, and is there enough now? A wake-up costs more than a message, so some is gathered.</returns>
    public bool Ended(int limit)
    {
        lock (_gate)
        {
            _inFlight--;
            var all = Math.Min(limit, _window.Size);
            var wake = _wantsRoom && all - _inFlight >= Math.Min(BatchMax / 2, Math.Max(1, all / 4));
            _wantsRoom &= !wake;
            return wake;
        }
    }

    /// <summary>What an answer says about the lane.</summary>
    /// <param name="isMended">What stood in the way is gone already: nothing is held against the lane.</param>
    public void Feel(Attempt attempt, bool isMended)
    {
        lock (_gate)
        {
            var now = Now;
            switch (attempt)
            {
                case { Verdict: Verdict.Accepted } or { Verdict: Verdict.Rejected, Scope: Scope.Recipient or Scope.Message }:
                    if (_health.Progressed(now))
                    {
                        _window.Restart();
                    }

                    _window.Took(_inFlight);
                    _failedLast = false;
                    break;
                case var _ when isMended:
                    break;
                case { Scope: Scope.Credential }:
                    _health.CredentialRefused(now);
                    break;
                case { Scope: Scope.Provider }:
                    _window.Refused(now);
                    _health.Failed(now, attempt.RetryAfter);
                    _failedLast = true;
                    break;
                default:
                    _health.ProbeVanished(); // about one recipient: it says nothing
                    break;
            }
        }
    }

    /// <summary>Counts dead tokens.</summary>
    /// <returns>May an address be suppressed now, and did this answer open the app's circuit?</returns>
    public (bool MaySuppress, bool Opened) CountToken(string app, Attempt attempt)
    {
        if (attempt.Verdict is not (Verdict.Accepted or Verdict.Rejected))
        {
            return (true, false);
        }

        lock (_gate)
        {
            var name = _circuits.Count < CircuitsMax || _circuits.ContainsKey(app) ? app : "";
            var circuit = _circuits.TryGetValue(name, out var known) ? known : _circuits[name] = new BadTokenCircuit();
            var opened = circuit.Count(attempt is { Verdict: Verdict.Rejected, Scope: Scope.Recipient, Suppress: true }, Now);
            return (!circuit.IsOpen, opened);
        }
    }

    /// <summary>Looks whether it has fallen silent.</summary>
    /// <param name="couldSend">Work waits, and nothing of this process's own stands in its way.</param>
    public void Look(bool couldSend)
    {
        lock (_gate)
        {
            _health.Look(Now, _inFlight > 0 || couldSend);
        }
    }
}
