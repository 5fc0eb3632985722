using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using Dispatch.Store;
using Dispatch.Store.Idempotency;

namespace Dispatch.Ingest.Idempotency;

enum EndingKind
{
    Settled,
    Released,
    LeaseEnded,
}

readonly record struct Ending(HeldKey Held, EndingKind Kind);

/// <summary>
/// Many keys share one statement: whatever came while the last one ran goes with the next.
/// Lives as long as its connections: with the first fault all that wait are told that nobody can be asked.
/// </summary>
sealed class ClaimGroups : IAsyncDisposable
{
    private const int GroupSizeMax = 512;
    private static readonly TimeSpan SettleInterval = TimeSpan.FromMilliseconds(100);

    private readonly ClaimConnection[] _connections;
    private readonly TimeSpan _lease;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly GroupQueue<Question> _questions = new(GroupSizeMax); // Kestrel's connections bound it
    private readonly ConcurrentQueue<List<Question>> _unanswered = new();
    private readonly ConcurrentQueue<Guid> _settled = new();
    private readonly ConcurrentQueue<(HeldKey Held, EndingKind Kind)> _apart = new();

    private ClaimGroups(ClaimConnection[] connections, TimeSpan lease, TimeProvider clock, ILogger log) =>
        (_connections, _lease, _clock, _log) = (connections, lease, clock, log);

    public static async Task<ClaimGroups> ConnectAsync(
        IdempotencyStore store, int connections, TimeSpan lease, TimeProvider clock, ILogger log, CancellationToken stop)
    {
        var open = new List<ClaimConnection>();
        try
        {
            while (open.Count < connections + 1) // one that settles
            {
                open.Add(await store.ConnectAsync(stop));
            }

            return new ClaimGroups([.. open], lease, clock, log);
        }
        catch
        {
            foreach (var connection in open)
            {
                await connection.DisposeAsync();
            }

            throw;
        }
    }

    /// <returns>null: the store is gone.</returns>
    public ValueTask<Pass?> AskAsync(HeldKey held)
    {
        var question = new Question(held);
        return _questions.TryAdd(question) ? question.Answer : ValueTask.FromResult<Pass?>(null);
    }

    /// <summary>How a call ended; written soon, by whoever of us comes by.</summary>
    public void End(Ending ending)
    {
        var (whole, apart) = ending.Held.Claim!.Leave(ending.Held, ending.Kind is EndingKind.Settled && ending.Held.Answer is null);
        if (whole)
        {
            _settled.Enqueue(ending.Held.Claim.Id);
        }

        foreach (var held in apart)
        {
            _apart.Enqueue((held, EndingKind.Settled));
        }

        if (ending.Kind is not EndingKind.Settled || ending.Held.Answer is not null)
        {
            _apart.Enqueue((ending.Held, ending.Kind));
        }
    }

    /// <summary>Returns with the first fault, as its exception.</summary>
    /// <param name="lost">Told of it before anybody who asks is turned away: whoever asks again must find that nobody can be asked, and not this again.</param>
    public async Task RunAsync(Action<string> lost, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] work = [.. _connections.Skip(1).Select(it => ClaimAsync(it, end.Token)), SettleAsync(_connections[0], end.Token)];
        var first = await Task.WhenAny(work);
        lost(first.Exception?.InnerException?.Message ?? "stopping");
        _unanswered.Enqueue(_questions.Close());
        await end.CancelAsync();
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (_unanswered.TryDequeue(out var group))
        {
            group.ForEach(question => question.Say(null));
        }

        await first;
    }

    public async ValueTask DisposeAsync()
    {
        _questions.Close().ForEach(question => question.Say(null));
        foreach (var connection in _connections)
        {
            await connection.DisposeAsync();
        }
    }

    private async Task ClaimAsync(ClaimConnection connection, CancellationToken stop)
    {
        while (true)
        {
            var group = await _questions.TakeAsync(stop);
            try
            {
                await ClaimAsync(connection, group, stop);
                _questions.Return(group);
            }
            catch
            {
                _unanswered.Enqueue(group); // told when the door knows; those that were answered do not hear it
                throw;
            }
        }
    }

    private async Task ClaimAsync(ClaimConnection connection, List<Question> group, CancellationToken stop)
    {
        CollectionsMarshal.AsSpan(group).Sort(static (one, other) => one.Held.Key.CompareTo(other.Held.Key));
        var keys = new Guid[group.Count];
        var bodies = new Guid[group.Count];
        var firstAt = new DateTime[group.Count];
        var claim = new Claim(group.Count);
        for (var i = 0; i < keys.Length; i++)
        {
            (keys[i], bodies[i], firstAt[i]) = (group[i].Held.Key, group[i].Held.Body, group[i].Held.FirstAt.UtcDateTime);
            group[i].Held.Claim = claim;
        }

        var now = _clock.GetUtcNow();
        var fresh = await connection.ClaimAsync(keys, bodies, firstAt, claim.Id, TakeSettled(), now, now + _lease, stop);
        Telemetry.ClaimGroupSize.Record(keys.Length);
        if (fresh == keys.Length)
        {
            ThreadPool.UnsafeQueueUserWorkItem(new AllFresh(group), preferLocal: false);
            return;
        }

        var known = (await connection.LookAsync(keys, now, stop)).ToDictionary(row => row.Key);
        foreach (var question in group)
        {
            question.Say(await PassAsync(connection, question.Held, known.GetValueOrDefault(question.Held.Key), claim, now, stop));
        }
    }

    private async Task<Pass> PassAsync(ClaimConnection connection, HeldKey held, KeyRow? row, Claim claim, DateTimeOffset now, CancellationToken stop)
    {
        if (row is not null && row.Claim == claim.Id)
        {
            return new Pass(PassKind.Fresh, held.FirstAt);
        }

        claim.Leave(held, well: false);
        held.Claim = null;
        if (row is null)
        {
            return new Pass(PassKind.Running, held.FirstAt); // released between the two statements: the caller asks again in a second
        }

        if (row.Body != held.Body)
        {
            return new Pass(PassKind.Conflict, row.CreatedAt);
        }

        if (row.Settled)
        {
            return new Pass(PassKind.Replay, row.CreatedAt, Answer: row.Answer is null ? null : new StoredAnswer(row.Status ?? 200, row.Answer));
        }

        if (row.Leased)
        {
            return new Pass(PassKind.Running, row.CreatedAt);
        }

        var own = new Claim(1);
        if (!await connection.TakeOverAsync(row, own.Id, now, now + _lease, stop))
        {
            return new Pass(PassKind.Running, row.CreatedAt);
        }

        (held.Claim, held.FirstAt) = (own, row.CreatedAt);
        _log.KeyTakenOver(row.Key, row.CreatedAt);
        return new Pass(PassKind.TakenOver, row.CreatedAt, row.CreatedAt - Door.ClockSkew);
    }

    /// <summary>What no claim took along, and what needs a statement of its own.</summary>
    private async Task SettleAsync(ClaimConnection connection, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(SettleInterval, _clock, stop);
            if (TakeSettled() is { Length: > 0 } settled)
            {
                await connection.SettleAsync(settled, _clock.GetUtcNow(), stop);
            }

            while (_apart.TryDequeue(out var ending))
            {
                await EndAsync(connection, ending.Held, ending.Kind, stop);
            }
        }
    }

    private async Task EndAsync(ClaimConnection connection, HeldKey held, EndingKind kind, CancellationToken stop)
    {
        switch (kind)
        {
            case EndingKind.Released:
                await connection.ReleaseAsync(held.Key, held.Claim!.Id, stop);
                break;
            case EndingKind.LeaseEnded:
                await connection.EndLeaseAsync(held.Key, held.Claim!.Id, _clock.GetUtcNow(), stop);
                break;
            default:
                var answer = held.Answer;
                await connection.AnswerAsync(held.Key, held.Claim!.Id, answer?.Status, answer?.Body, _clock.GetUtcNow(), stop);
                held.AnswerIsStored();
                break;
        }
    }

    private Guid[] TakeSettled()
    {
        if (_settled.IsEmpty)
        {
            return [];
        }

        var taken = new List<Guid>();
        while (taken.Count < GroupSizeMax && _settled.TryDequeue(out var claim))
        {
            taken.Add(claim);
        }

        return [.. taken];
    }

    /// <summary>
    /// Lets the calls of a group through; brief ones one after the other in one work item of the pool: each comes to its append in microseconds, while waking a thread up for each
    /// costs more than that, and what comes to the log together shares a sync.
    /// </summary>
    private sealed class AllFresh(List<Question> group) : IThreadPoolWorkItem
    {
        public void Execute() => group.ForEach(question => question.Say(new Pass(PassKind.Fresh, question.Held.FirstAt), here: question.Held.IsBrief));
    }

    /// <summary>One call that waits for its turn, without a task of its own.</summary>
    private sealed class Question(HeldKey held) : IValueTaskSource<Pass?>
    {
        private ManualResetValueTaskSourceCore<Pass?> _core;
        private int _said;

        public HeldKey Held => held;

        public ValueTask<Pass?> Answer => new(this, _core.Version);

        /// <summary>The first word counts.</summary>
        /// <param name="here">The call goes on inside this one.</param>
        public void Say(Pass? pass, bool here = false)
        {
            if (Interlocked.Exchange(ref _said, 1) == 0)
            {
                _core.RunContinuationsAsynchronously = !here;
                _core.SetResult(pass);
            }
        }

        public Pass? GetResult(short token) => _core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);
    }
}
