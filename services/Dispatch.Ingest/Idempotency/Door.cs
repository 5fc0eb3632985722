using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Store.Idempotency;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Idempotency;

/// <summary>
/// Promise: of all calls that come with one key and one body, one is accepted, and all get its ids (docs/api.md, "Where an Idempotency-Key lives").
/// In this order: the key is claimed in the store; the records are appended; the key is settled. What must be durable before the 202 is the record alone:
/// it carries the key, so a claim that was lost is read again from the log, and a settlement that was lost only costs the next caller a look-up by Router.
/// While the store is away the door stays open: it knows what this process remembers, marks what it lets through, and says so.
/// </summary>
sealed class Door : BackgroundService
{
    /// <summary>How far back a key may have been used without this process having seen it, when the store goes away (docs/architecture.md, 4.1).</summary>
    private static readonly TimeSpan BeforeBlindness = TimeSpan.FromMinutes(15);

    /// <summary>Clocks of different machines.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SwitchMax = TimeSpan.FromSeconds(5);

    private readonly IdempotencyStore _store;
    private readonly KeyRecovery _recovery;
    private readonly KeyMemory _memory;
    private readonly BlindnessFile _file;
    private readonly TimeProvider _clock;
    private readonly ILogger<Door> _log;
    private readonly TimeSpan _lease;
    private readonly int _workers;
    private volatile Sight _sight;
    private int _deferredInFlight;

    public Door(
        IdempotencyStore store, KeyRecovery recovery, BlindnessFile file, IOptions<IngestOptions> options, TimeProvider clock, ILogger<Door> log)
    {
        (_store, _recovery, _file, _clock, _log) = (store, recovery, file, clock, log);
        _memory = new KeyMemory(options.Value.KeysRemembered);
        _lease = options.Value.KeyLease;
        _workers = options.Value.ClaimConnections;
        _sight = Sight.Blind(file.Read() ?? clock.GetUtcNow());
    }

    /// <summary>Null: keys are checked against the store.</summary>
    public DateTimeOffset? BlindSince => _sight.Claims is null ? _sight.Since : null;

    /// <summary>Asks for a call with a key. A call that goes through ends with <see cref="Settle"/> or <see cref="Fail"/>.</summary>
    /// <param name="isBrief">See <see cref="HeldKey.IsBrief"/>.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // waits in every call: no garbage for that
    public async ValueTask<Pass> EnterAsync(Guid key, Guid body, DateTimeOffset now, bool isBrief = false)
    {
        var held = new HeldKey(key, body, now) { IsBrief = isBrief };
        if (_memory.TryHold(held) is { } known)
        {
            return known.Body != body ? new Pass(PassKind.Conflict, known.FirstAt)
                : known.IsSettled ? await ReplayAsync(known)
                : new Pass(PassKind.Running, known.FirstAt);
        }

        var pass = (_sight.Claims is { } claims && await claims.AskAsync(held) is { } said ? said : await AskWhenSeenAsync(held)) with { Held = held };
        if (pass.Kind is PassKind.Replay)
        {
            held.FirstAt = pass.FirstAt;
            held.Settle(pass.Answer);
            held.AnswerIsStored();
            Remember(held);
        }
        else if (!pass.GoesThrough)
        {
            _memory.Forget(held);
        }

        return pass;
    }

    /// <summary>A key that came with a call that is durable, and that the store may not know.</summary>
    public void Recall(LoggedKey of) => _memory.TryHold(HeldKey.Settled(of.Key, of.Body, of.AcceptedAt));

    /// <summary>The call is durable.</summary>
    public void Settle(Pass pass, StoredAnswer? answer = null)
    {
        if (pass.Held is { } held)
        {
            held.Settle(answer);
            Remember(held);
            Leave(pass, held, new Ending(held, EndingKind.Settled));
        }
    }

    private void Remember(HeldKey settled)
    {
        if (settled is { Answer: null, IsAnswerStored: false })
        {
            _memory.Settle(settled);
        }
    }

    /// <summary>
    /// The call failed. When nothing came of it, for certain, the key is free again; when nobody knows, whoever repeats the call goes on with the same ids.
    /// </summary>
    public void Fail(Pass pass, Exception reason)
    {
        if (pass is { GoesThrough: true, Held: { } held })
        {
            var free = pass.Kind is PassKind.Fresh && reason is not AppendException { Persistence: Persistence.PossiblyPersisted };
            _memory.Forget(held);
            Leave(pass, held, new Ending(held, free ? EndingKind.Released : EndingKind.LeaseEnded));
        }
    }

    /// <summary>A large answer is in the store alone; while that is away, the ids still follow from the key and its day.</summary>
    private async ValueTask<Pass> ReplayAsync(HeldKey known)
    {
        var answer = known.Answer;
        var replay = new Pass(PassKind.Replay, known.FirstAt, Answer: answer);
        var asked = new HeldKey(known.Key, known.Body, known.FirstAt);
        if (answer is not null || !known.IsAnswerStored || _sight.Claims is not { } claims || await claims.AskAsync(asked) is not { } pass)
        {
            return replay;
        }

        if (pass.GoesThrough) // the store has lost it, and was made to believe that somebody is at work on it
        {
            Leave(pass, asked, new Ending(asked, pass.Kind is PassKind.Fresh ? EndingKind.Released : EndingKind.LeaseEnded));
        }

        return pass.Kind is PassKind.Replay ? pass : replay;
    }

    private void Leave(Pass pass, HeldKey held, Ending ending)
    {
        if (pass.Deferred)
        {
            Interlocked.Decrement(ref _deferredInFlight);
        }

        if (held.Claim is not null)
        {
            _sight.Claims?.End(ending); // while the store is away it is lost, at the price of a look-up
        }
    }

    /// <summary>As soon as it is known whom to ask: the store, or nobody.</summary>
    private async ValueTask<Pass> AskWhenSeenAsync(HeldKey held)
    {
        while (true)
        {
            var sight = _sight;
            if (sight.Claims is { } claims)
            {
                if (await claims.AskAsync(held) is { } pass)
                {
                    return pass;
                }

                continue; // the store went away meanwhile, and the door knows it already
            }

            if (sight.Switching is { } switching)
            {
                await switching.Task;
                continue;
            }

            Interlocked.Increment(ref _deferredInFlight);
            if (ReferenceEquals(sight, _sight))
            {
                Telemetry.Deferred.Add(1);
                return new Pass(PassKind.Fresh, held.FirstAt, sight.Since - BeforeBlindness - ClockSkew, Deferred: true);
            }

            Interlocked.Decrement(ref _deferredInFlight);
        }
    }

    /// <summary>Blind, recover, see, until the store is lost again; then the same from the start.</summary>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "the group is disposed when it has run")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using var claims = await ClaimGroups.ConnectAsync(_store, _workers, _lease, _clock, _log, stoppingToken);
                await RecoverAsync(claims, stoppingToken);
                await claims.RunAsync(GoBlind, stoppingToken);
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e) || e is AppendBusyException or LogUnavailableException) // the log's keys are read before the store's count
            {
                GoBlind(e.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                GoBlind("stopping");
                return;
            }

            await Task.Delay(RetryInterval, _clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What went through unchecked is written before anything new is checked; for the last stretch the door is shut for a moment.</summary>
    private async Task RecoverAsync(ClaimGroups claims, CancellationToken stop)
    {
        var blind = _sight;
        var since = await _recovery.SinceAsync(blind.Since, stop);
        var began = _clock.GetUtcNow();
        var restored = await _recovery.RestoreAsync(since, stop);
        var switching = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            _sight = new Sight(blind.Since, null, switching);
            await DeferredEndAsync(stop);
            restored += await _recovery.RestoreAsync(began - ClockSkew, stop);
            _file.Delete();
            _sight = new Sight(_clock.GetUtcNow(), claims, null);
            _log.KeysChecked(restored, _clock.GetUtcNow() - blind.Since);
        }
        catch
        {
            _sight = Sight.Blind(blind.Since);
            throw;
        }
        finally
        {
            switching.SetResult();
        }
    }

    private async Task DeferredEndAsync(CancellationToken stop)
    {
        var until = _clock.GetUtcNow() + SwitchMax;
        while (Volatile.Read(ref _deferredInFlight) > 0)
        {
            if (_clock.GetUtcNow() > until)
            {
                throw new AppendBusyException();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), _clock, stop);
        }
    }

    private void GoBlind(string reason)
    {
        if (_sight.Claims is not null)
        {
            var now = _clock.GetUtcNow();
            _file.Write(now);
            _sight = Sight.Blind(now);
            _log.KeysDeferred(reason);
        }
    }

    /// <summary>An append that began while the door was blind has not ended; the switch is tried again later.</summary>
    private sealed class AppendBusyException() : Exception("an append takes long");

    /// <summary>What the door can see: nothing since a time, or the store. Replaced as a whole.</summary>
    private sealed record Sight(DateTimeOffset Since, ClaimGroups? Claims, TaskCompletionSource? Switching)
    {
        public static Sight Blind(DateTimeOffset since) => new(since, null, null);
    }
}
