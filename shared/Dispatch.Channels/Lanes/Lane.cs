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
    private const int ThrowsMax = 3;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan IdleTick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LeaseLook = TimeSpan.FromMilliseconds(50);

    private readonly LaneOptions _options = seat.Options;
    private readonly Pace _pace = new(seat.Options, works.Options.ProbeDelay, works.Options.ProbeDelayMax, works.Time);
    private readonly LaneSwitch _switch = new(seat, works);
    private readonly WorkItem[] _batch = new WorkItem[BatchMax];

    public string Name => _options.Name;

    public LaneState State => _pace.State;

    private int Limit => Math.Min(_options.InFlightMax, sender.InFlightMax);

    /// <summary>Ends when <paramref name="stop"/> and nothing is in flight, or at <paramref name="patience"/>.</summary>
    public async Task RunAsync(CancellationToken stop, CancellationToken patience)
    {
        while (!stop.IsCancellationRequested || (_pace.InFlight > 0 && !patience.IsCancellationRequested))
        {
            var count = stop.IsCancellationRequested ? 0 : Take();
            if (count > 0)
            {
                await SendAsync(count);
                continue;
            }

            var waits = works.Pool.WorkFor(seat).Any;
            _pace.Look(couldSend: waits && works.Journal.TakesIntents);
            seat.IsPaused = _pace.Pause > Retries.LocalMax;
            Show("silence");
            await seat.Pulse.WaitAsync(waits || _pace.InFlight > 0 ? Tick : IdleTick);
        }
    }

    private int Take()
    {
        var grant = works.Journal.TakesIntents ? _pace.Ask(Limit) : default;
        seat.IsHungry = grant.Room > 0; // before it looks, so that nothing slips in between
        if (grant.Room <= 0)
        {
            return 0;
        }

        // On a lane that is well and has nothing else to do a retry takes nobody's place.
        var isIdle = grant.Retries < grant.Room && !grant.IsProbe && !_pace.FailedLast && !works.Pool.WorkFor(seat).First;
        var count = works.Pool.Take(seat, _batch.AsSpan(0, grant.Room), isIdle ? grant.Room : grant.Retries, leastUrgentFirst: grant.IsProbe);
        if (count > 0)
        {
            seat.IsHungry = false;
            _pace.Took(count, grant.IsProbe);
        }

        return count;
    }

    /// <summary>The batch that was taken: checks, one flush for all intents, then all leave; those that must never be doubled wait for a sync of theirs.</summary>
    private async Task SendAsync(int count)
    {
        var sending = 0;
        for (var i = 0; i < count; i++)
        {
            var item = _batch[i];
            if (IsGoing(item))
            {
                Announce(item);
                _batch[sending++] = item;
            }
        }

        if (sending == 0)
        {
            _pace.ProbeVanished();
            return;
        }

        if (!works.Journal.Flush())
        {
            Array.ForEach(_batch[..sending], TakeBack);
            return;
        }

        List<WorkItem>? careful = null;
        for (var i = 0; i < sending; i++)
        {
            if (!_batch[i].Feed.TryBegin(_batch[i]))
            {
                TakeBack(_batch[i]);
            }
            else if (_batch[i].HoldsInDoubt)
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
            careful.ForEach(_pace.Pause > TimeSpan.Zero ? TakeBack : Start);
        }
    }

    /// <summary>The last look before the intent. What does not go is taken care of here.</summary>
    private bool IsGoing(WorkItem item)
    {
        if (item.Feed.Permit.Holds)
        {
            return !works.Divert(item);
        }

        AwaitLease(item);
        return false;
    }

    /// <summary>
    /// That the lease does not hold says nothing of its end: the process may have stood still for a moment, and the brokers confirm that the partition is still ours. If it is gone the pool
    /// drops what it has of it, and the next owner reads it.
    /// </summary>
    private void AwaitLease(WorkItem item) => works.Pool.Return(item, LeaseLook);

    private void Announce(WorkItem item)
    {
        item.Message.Attempts++;
        works.Journal.Stage(new Intent(item.Origin, item.MessageId, item.Message.Attempts));
    }

    /// <summary>What was announced does not go after all.</summary>
    private void TakeBack(WorkItem item)
    {
        works.Books.Void(item);
        GiveBack(item);
        _pace.ProbeVanished();
    }

    /// <summary>Not finished: back to the pool, or, where its partition has left without it, to who settles such.</summary>
    private void GiveBack(WorkItem item, TimeSpan wait = default)
    {
        if (!item.Feed.TryReturn(item))
        {
            item.Desk!.Retry(item, works.Books.Now + wait);
        }
        else if (wait > TimeSpan.Zero)
        {
            works.Pool.Return(item, wait);
        }
        else
        {
            works.Pool.Return(item);
        }
    }

    private void Start(WorkItem item)
    {
        _pace.Began(item.IsRetry);
        _ = AttemptAsync(item);
    }

    /// <summary>From the first byte to the outcome in the journal; a second try at once where what stood in the way was mended.</summary>
    private async Task AttemptAsync(WorkItem item)
    {
        try
        {
            if (await AttemptOnceAsync(item, isSecond: false) == Course.AtOnce)
            {
                Announce(item);
                if (!works.Journal.Flush())
                {
                    TakeBack(item);
                    return;
                }

                if (item.HoldsInDoubt)
                {
                    await works.Journal.SyncAsync();
                }

                await AttemptOnceAsync(item, isSecond: true);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            works.Log.AttemptBroke(e, Name, item.MessageId.ToText(IdPrefix.Message)); // stays in flight; settled from the journal at the next start
        }
        finally
        {
            if (_pace.Ended(Limit))
            {
                seat.Wake();
            }
        }
    }

    private async Task<Course> AttemptOnceAsync(WorkItem item, bool isSecond)
    {
        Telemetry.Begin(item);
        var began = Stopwatch.GetTimestamp();
        Attempt attempt;
        Exception? bug = null;
        try
        {
            attempt = await sender.SendAsync(item.Message, item.Feed.Permit);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            (attempt, bug) = (Attempt.Unknown($"sender_threw: {e.GetType().Name}"), e);
        }

        Telemetry.End(item, attempt);
        if (bug is not null)
        {
            return Threw(item, attempt, bug);
        }

        Telemetry.Attempted(item, attempt, _options, Stopwatch.GetElapsedTime(began), works.Books.Now);
        if (attempt is { Verdict: Verdict.Retry, Scope: Scope.Message, Reason: Permit.Lost })
        {
            works.Books.Void(item);
            GiveBack(item, LeaseLook);
            _pace.ProbeVanished();
            return Course.Requeue;
        }

        _pace.Feel(attempt, isMended: attempt.AgainAtOnce && !isSecond);
        Show(attempt.Reason);
        var (maySuppress, opened) = _pace.CountToken(item.Message.Address.App, attempt);
        if (opened)
        {
            works.Log.CircuitOpened(Name, item.Message.Address.App);
        }

        return Conclude(item, attempt, isSecond, maySuppress);
    }

    private Course Conclude(WorkItem item, Attempt attempt, bool isSecond, bool maySuppress)
    {
        var after = works.Books.Conclude(item, attempt, wasAtOnce: isSecond, _options, maySuppress);
        if (after.Course is Course.Wait or Course.Requeue)
        {
            item.IsRetry |= after.Course == Course.Wait;
            GiveBack(item, after.Course == Course.Wait ? after.Retry!.Value.At - works.Books.Now : default);
        }

        return after.Course;
    }

    /// <summary>A sender that throws is a bug, of ours and not of the message's neighbours: some tries, then the message is parked with the exception.</summary>
    private Course Threw(WorkItem item, Attempt attempt, Exception bug)
    {
        works.Log.SenderThrew(bug, Name, item.MessageId.ToText(IdPrefix.Message));
        _pace.ProbeVanished();
        item.Message.MayHaveLeft = true; // it broke its promise, so nobody knows
        if (++item.Throws < ThrowsMax && !item.HoldsInDoubt)
        {
            return Conclude(item, attempt, isSecond: true, maySuppress: false);
        }

        Telemetry.Parked(works.Books.Service);
        works.Books.Quarantine(item, bug.ToString());
        return Course.Failed;
    }

    private void Show(string reason) => _switch.Show(_pace.State, _pace.Now, reason, _pace.InFlight);
}
