using System.Diagnostics;
using Dispatch.Channels.Flow;
using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Policy;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Lanes;

/// <summary>
/// Takes work from the pool when it has room, looks at everything that may stand against it, notes the intent, and hands it to its provider.
/// Promise: nothing is sent without a lease and a flushed intent, nothing before a Retry-After, nothing beyond the lane's pace; what does not go from here goes back to the pool.
/// </summary>
sealed class Lane(Seat seat, IChannelSender sender, Works works)
{
    private const int BatchMax = 64;
    private const int SecondTries = 1;
    private const int ThrowsMax = 3;
    private const int CircuitsMax = 256; // apps that callers make up must not fill the memory
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan IdleTick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Renew = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly LaneOptions _options = seat.Options;
    private readonly LaneHealth _health = new(seat.Options.SilenceMax, works.Options.ProbeDelay, works.Options.ProbeDelayMax);
    private readonly InFlightWindow _window = new(seat.Options.InFlightMax);
    private readonly TokenBucket _bucket = new(seat.Options.RatePerSecond, TimeSpan.Zero);
    private readonly RetryBudget _budget = new();
    private readonly Dictionary<string, BadTokenCircuit> _circuits = [];
    private readonly WorkItem[] _batch = new WorkItem[BatchMax];
    private readonly long _began = works.Time.GetTimestamp();
    private readonly ModeScope _scope = new(works.Channel, Lane: seat.Options.Name);
    private int _inFlight;
    private bool _failedLast;
    private bool _wantsRoom;
    private TimeSpan _renewedAt;
    private string _reason = "";

    public string Name => _options.Name;

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

    public int InFlight => Volatile.Read(ref _inFlight);

    private TimeSpan Now => works.Time.GetElapsedTime(_began);

    /// <summary>Ends when <paramref name="stop"/> and nothing is in flight, or at <paramref name="patience"/>.</summary>
    public async Task RunAsync(CancellationToken stop, CancellationToken patience)
    {
        while (!stop.IsCancellationRequested || (InFlight > 0 && !patience.IsCancellationRequested))
        {
            var count = stop.IsCancellationRequested ? 0 : Take();
            if (count > 0)
            {
                await SendAsync(count);
                continue;
            }

            var busy = Look();
            await seat.Pulse.WaitAsync(busy ? Tick : IdleTick);
        }
    }

    private int Take()
    {
        int room, retries;
        bool probe;
        lock (_gate)
        {
            var now = Now;
            var admits = works.Journal.TakesIntents ? _health.Admits(now) : 0;
            probe = _health.State != LaneState.Open;
            room = Math.Min(Math.Min(admits, BatchMax), Math.Min(Limit - _inFlight, _bucket.Available(now)));
            retries = probe ? 1 : _budget.Available;
            _wantsRoom = room <= 0;
        }

        seat.IsHungry = room > 0; // before it looks, so that nothing slips in between
        if (room <= 0)
        {
            return 0;
        }

        // On a lane that is well and has nothing else to do a retry takes nobody's place.
        if (retries < room && !probe && !_failedLast && !works.Pool.WorkFor(seat).First)
        {
            retries = room;
        }

        var count = works.Pool.Take(seat, _batch.AsSpan(0, room), retries, leastUrgentFirst: probe);
        if (count > 0)
        {
            seat.IsHungry = false;
            lock (_gate)
            {
                _bucket.Take(count);
                if (probe)
                {
                    _health.ProbeBegan();
                }
            }
        }

        return count;
    }

    private int Limit => Math.Min(Math.Min(_options.InFlightMax, sender.InFlightMax), _window.Size);

    /// <summary>The batch that was taken: checks, one flush for all intents, then all leave; those that must never be doubled wait for a sync of theirs.</summary>
    private async Task SendAsync(int count)
    {
        var sending = 0;
        for (var i = 0; i < count; i++)
        {
            var item = _batch[i];
            item.Feed.Progress.Begin(item.Origin.Offset);
            if (IsGoing(item))
            {
                item.Message.Attempts++;
                works.Journal.Stage(new Intent(item.Origin, item.MessageId, item.Message.Attempts));
                _batch[sending++] = item;
            }
        }

        if (sending < count)
        {
            ProbeVanishedUnless(sending > 0);
        }

        if (sending > 0 && !works.Journal.Flush())
        {
            Array.ForEach(_batch[..sending], TakeBack);
            ProbeVanishedUnless(false);
            return;
        }

        List<WorkItem>? careful = null;
        for (var i = 0; i < sending; i++)
        {
            if (_batch[i].HoldsInDoubt)
            {
                (careful ??= []).Add(_batch[i]);
            }
            else
            {
                Start(_batch[i]);
            }
        }

        Array.Clear(_batch);
        if (careful is not null)
        {
            await works.Journal.SyncAsync();
            foreach (var item in careful)
            {
                if (Now < PausedUntil)
                {
                    TakeBack(item);
                    ProbeVanishedUnless(false);
                }
                else
                {
                    Start(item);
                }
            }
        }
    }

    private TimeSpan PausedUntil
    {
        get
        {
            lock (_gate)
            {
                return _health.PausedUntil;
            }
        }
    }

    /// <summary>The last look before the intent. What does not go is taken care of here.</summary>
    private bool IsGoing(WorkItem item)
    {
        if (!item.Feed.Permit.Holds)
        {
            item.Feed.Progress.Return(item.Origin.Offset); // its next owner reads it
            return false;
        }

        return !works.Divert(item);
    }

    private void TakeBack(WorkItem item)
    {
        works.Books.Void(item);
        item.Feed.Progress.Return(item.Origin.Offset);
        works.Pool.Return(item);
    }

    private void ProbeVanishedUnless(bool goesOn)
    {
        if (!goesOn)
        {
            lock (_gate)
            {
                _health.ProbeVanished();
            }
        }
    }

    private void Start(WorkItem item)
    {
        lock (_gate)
        {
            _inFlight++;
            _budget.Sent(item.IsRetry ? 0 : 1, item.IsRetry ? 1 : 0);
        }

        _ = AttemptAsync(item);
    }

    private async Task AttemptAsync(WorkItem item)
    {
        try
        {
            for (var tries = 0; await AttemptOnceAsync(item, tries) == Course.AtOnce; tries++)
            {
                item.Message.Attempts++;
                works.Journal.Stage(new Intent(item.Origin, item.MessageId, item.Message.Attempts));
                if (!works.Journal.Flush())
                {
                    TakeBack(item);
                    return;
                }

                if (item.HoldsInDoubt)
                {
                    await works.Journal.SyncAsync();
                }
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            works.Log.AttemptBroke(e, Name, item.MessageId.ToText(IdPrefix.Message)); // stays in flight; settled from the journal at the next start
        }
        finally
        {
            Ended();
        }
    }

    private async Task<Course> AttemptOnceAsync(WorkItem item, int tries)
    {
        Telemetry.Begin(item);
        var began = Stopwatch.GetTimestamp();
        Attempt attempt;
        try
        {
            attempt = await sender.SendAsync(item.Message, item.Feed.Permit);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            attempt = Attempt.Unknown($"sender_threw: {e.GetType().Name}");
            Telemetry.End(item, attempt);
            return Threw(item, attempt, e);
        }

        Telemetry.Attempted(item, attempt, _options, Stopwatch.GetElapsedTime(began), works.Books.Now);
        Telemetry.End(item, attempt);
        if (attempt is { Verdict: Verdict.Retry, Scope: Scope.Message, Reason: Permit.Lost })
        {
            works.Books.Void(item);
            item.Feed.Progress.Return(item.Origin.Offset);
            ProbeVanishedUnless(false);
            return Course.Requeue;
        }

        var atOnce = attempt.AgainAtOnce && tries < SecondTries;
        var suppress = Feel(item, attempt, atOnce);
        var after = works.Books.Conclude(item, attempt, wasAtOnce: !atOnce, _options, suppress);
        Return(item, after);
        return after.Course;
    }

    private void Return(WorkItem item, Aftermath after)
    {
        if (after.Course is Course.Wait or Course.Requeue)
        {
            item.Feed.Progress.Return(item.Origin.Offset);
            item.IsRetry |= after.Course == Course.Wait;
        }

        if (after.Course == Course.Wait)
        {
            works.Pool.Return(item, after.Retry!.Value.At);
        }
        else if (after.Course == Course.Requeue)
        {
            works.Pool.Return(item);
        }
    }

    /// <summary>A sender that throws is a bug, of ours and not of the message's neighbours: some tries, then the message is parked with the exception.</summary>
    private Course Threw(WorkItem item, Attempt attempt, Exception e)
    {
        works.Log.SenderThrew(e, Name, item.MessageId.ToText(IdPrefix.Message));
        ProbeVanishedUnless(false);
        item.Throws++;
        item.Message.MayHaveLeft = true; // it broke its promise, so nobody knows
        if (item.Throws >= ThrowsMax || item.HoldsInDoubt)
        {
            Telemetry.Parked(works.Books.Service);
            works.Books.Quarantine(item, e.ToString());
            return Course.Failed;
        }

        var after = works.Books.Conclude(item, attempt, wasAtOnce: true, _options, suppress: false);
        Return(item, after);
        return after.Course;
    }

    /// <summary>What an answer says about the lane. Answers whether the address may be suppressed, if the provider says that it is dead.</summary>
    private bool Feel(WorkItem item, Attempt attempt, bool atOnce)
    {
        var before = State;
        bool suppress, opened, faulted = false;
        lock (_gate)
        {
            var now = Now;
            (suppress, opened) = CountBadTokens(item, attempt, now);
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
                case var _ when atOnce:
                    break; // mended already: nothing is held against the lane
                case { Scope: Scope.Credential }:
                    faulted = _health.CredentialRefused(now);
                    break;
                case { Scope: Scope.Provider }:
                    _window.Refused(now);
                    faulted = _health.Failed(now, attempt.RetryAfter);
                    _failedLast = true;
                    break;
                default:
                    _health.ProbeVanished(); // about one recipient: it says nothing
                    break;
            }
        }

        if (opened)
        {
            works.Log.CircuitOpened(Name, item.Message.Address.App);
        }

        Changed(before, faulted ? attempt.Reason : "");
        return suppress;
    }

    private (bool Suppress, bool Opened) CountBadTokens(WorkItem item, Attempt attempt, TimeSpan now)
    {
        if (attempt.Verdict is not (Verdict.Accepted or Verdict.Rejected))
        {
            return (true, false);
        }

        var app = _circuits.Count < CircuitsMax ? item.Message.Address.App : "";
        var circuit = _circuits.TryGetValue(app, out var known) ? known : _circuits[app] = new BadTokenCircuit();
        var opened = circuit.Count(attempt is { Verdict: Verdict.Rejected, Scope: Scope.Recipient, Suppress: true }, now);
        return (!circuit.IsOpen, opened);
    }

    private void Ended()
    {
        bool wake;
        lock (_gate)
        {
            _inFlight--;
            var limit = Limit;
            wake = _wantsRoom && limit - _inFlight >= Math.Min(BatchMax / 2, Math.Max(1, limit / 4)); // a wake-up costs more than a message: gather some room
            _wantsRoom &= !wake;
        }

        if (wake)
        {
            seat.Wake();
        }
    }

    /// <returns>Is anything waiting or in flight?</returns>
    private bool Look()
    {
        var before = State;
        var waits = works.Pool.WorkFor(seat).Any;
        lock (_gate)
        {
            var now = Now;
            var busy = _inFlight > 0 || (waits && works.Journal.TakesIntents);
            _health.Look(now, busy);
        }

        Changed(before, "silence");
        if (before != LaneState.Open && Now - _renewedAt >= Renew)
        {
            SwitchOff(before, _reason);
        }

        return waits || InFlight > 0;
    }

    private void Changed(LaneState before, string reason)
    {
        var state = State;
        if (state == before)
        {
            return;
        }

        seat.State = state;
        switch (state)
        {
            case LaneState.Open:
                works.Log.LaneReturned(Name);
                works.Control.ClearAutomatic(Switches.Dispatch, _scope, works.Journal.Owner.Name);
                break;
            case LaneState.Fenced:
                works.Log.LaneFenced(Name, reason, works.Pool.Waiting, InFlight);
                SwitchOff(state, reason);
                break;
            case LaneState.Held:
                works.Log.LaneHeld(Name, reason);
                SwitchOff(state, reason);
                break;
        }
    }

    private void SwitchOff(LaneState state, string reason)
    {
        (_renewedAt, _reason) = (Now, reason);
        works.Control.SetAutomatic(Switches.Dispatch, "pause", _scope, $"{(state == LaneState.Held ? "credential refused" : "no progress")}: {reason}", works.Journal.Owner.Name);
    }
}
