using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Dispatch.Log.Kafka;

/// <summary>A partition in the hands of a member.</summary>
sealed class MemberPartition(Member member, TopicPartition id, Task predecessor) : IPartition, IDisposable
{
    private readonly CancellationTokenSource _revoked = new();
    private readonly Lock _gate = new();
    private readonly HashSet<PendingCommit> _commits = [];
    private volatile bool _isAssigned = true;
    private volatile Position _last = Position.Zero;

    public TopicPartition Id => id;

    public Position Start { get; private set; } = Position.Zero;

    public Position Committed => _last;

    public bool LeaseHolds => _isAssigned && member.Lease.Holds;

    /// <summary>It was not taken away; whether that is still so where nobody looks, <see cref="LeaseHolds"/> says.</summary>
    public bool IsAssigned => _isAssigned;

    public Fetch Fetch { get; } = new(member.Group);

    public long End => Fetch.End;

    public long Waiting => Math.Max(0, Fetch.End - _last.Next);

    /// <summary>Done when the work has returned; never fails, its exception goes to the member.</summary>
    public Task Work { get; private set; } = Task.CompletedTask;

    /// <summary>Where it stood is known, so it can be committed.</summary>
    public bool HasBegun { get; private set; }

    public void Begin(Task<Position?> start, Func<IPartition, CancellationToken, Task> work) => Work = Task.Run(async () =>
    {
        try
        {
            await predecessor; // of the same partition, whose lease was lost while it worked
            if (await start.WaitAsync(_revoked.Token) is not { } position)
            {
                member.PositionLost(id);
                return;
            }

            (Start, _last, HasBegun) = (position, position, true);
            await work(this, _revoked.Token);
        }
        catch (OperationCanceledException) when (_revoked.IsCancellationRequested)
        {
            // It was told to stop, and did.
        }
        catch (Exception e) when (e is not OutOfMemoryException) // whatever it is, it belongs to the caller of RunAsync
        {
            member.Fail(e);
        }
    });

    public async IAsyncEnumerable<Batch> ReadAsync(Position from, [EnumeratorCancellation] CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _revoked.Token);
        Fetch.Begin(from.Next);
        try
        {
            while (!ends.IsCancellationRequested)
            {
                var arrived = Fetch.Arrived;
                if (Take(from) is { } batch)
                {
                    Telemetry.Consumed.Add(batch.Entries.Count, Telemetry.Destination(id.Topic));
                    yield return batch;
                }
                else
                {
                    await arrived.WaitAsync(ends.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                }
            }
        }
        finally
        {
            Fetch.Pause();
        }
    }

    public async ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default)
    {
        if (!_isAssigned)
        {
            throw new LeaseLostException($"{id.Topic}/{id.Partition} was handed over: nothing was written.");
        }

        position.Check();
        member.Check(outputs);
        using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"commit {id.Topic}", ActivityKind.Client) : null;
        Telemetry.Describe(span, "commit", id, member.Group.Name, outputs.Count);
        var began = Stopwatch.GetTimestamp();
        var commit = new PendingCommit(this, outputs, position);
        lock (_gate)
        {
            if (position.Next < _last.Next)
            {
                throw new ArgumentException($"A position does not go back: {id.Topic}/{id.Partition} stands at {_last.Next}, and {position.Next} was to be committed.", nameof(position));
            }

            _last = position;
            _commits.Add(commit);
            member.Transact(commit);
        }

        try
        {
            await commit.Task;
        }
        finally
        {
            lock (_gate)
            {
                _commits.Remove(commit);
            }
        }

        Telemetry.Measure(began, "commit", id.Topic);
        Telemetry.CountSent(outputs);
    }

    /// <summary>A commit that changes nothing: taken, the partition is still ours.</summary>
    public ValueTask ConfirmAsync()
    {
        lock (_gate)
        {
            return CommitAsync([], _last);
        }
    }

    public async Task RevokeAsync()
    {
        await _revoked.CancelAsync();
        await Work;
    }

    /// <summary>From now on nothing of it is written, and what waits to be written fails.</summary>
    public void EndLease()
    {
        _isAssigned = false;
        _revoked.Cancel();
        lock (_gate)
        {
            foreach (var commit in _commits)
            {
                commit.LoseLease();
            }
        }
    }

    public void Dispose() => _revoked.Dispose();

    private Batch? Take(Position from)
    {
        using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"poll {id.Topic}", ActivityKind.Client) : null;
        var batch = Fetch.Take(from.Above);
        Telemetry.Describe(span, "poll", id, member.Group.Name, batch?.Entries.Count ?? 0);
        return batch;
    }
}
