using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Dispatch.Log.Files;

/// <summary>A partition in the hands of a member.</summary>
sealed class Assigned : IPartition, ILease, IDisposable
{
    private readonly FileLog _log;
    private readonly CancellationTokenSource _revoked = new();
    private volatile bool _holds = true;

    public Assigned(FileLog log, PartitionState of, Member member, Position start)
    {
        (_log, Of, Member, Start) = (log, of, member, start);
        Work = Task.Run(RunAsync);
    }

    public PartitionState Of { get; }

    public Member Member { get; }

    /// <summary>Done when the work has returned; never fails, its exception goes to the member.</summary>
    public Task Work { get; }

    public TopicPartition Id => Of.Id;

    public Position Start { get; }

    public Position Committed => _log.PositionOf(Member.Group.Name, Of) ?? Start;

    public bool LeaseHolds => _holds;

    bool ILease.Holds => _holds;

    public long End => Of.End;

    public IAsyncEnumerable<Batch> ReadAsync(Position from, CancellationToken stop) => PollAsync(from, stop);

    public async ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default)
    {
        if (!_holds)
        {
            throw new LeaseLostException($"{Id.Topic}/{Id.Partition} was handed over: nothing was written.");
        }

        position.Check();
        using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"commit {Id.Topic}", ActivityKind.Client) : null;
        Telemetry.Describe(span, "commit", Id, Member.Group.Name, outputs.Count);
        await _log.CommitAsync(Member.Group.Name, this, outputs, position, stop);
    }

    public async Task RevokeAsync()
    {
        await _revoked.CancelAsync();
        await Work;
        EndLease();
        Dispose();
    }

    public void EndLease() => _holds = false;

    public void Dispose() => _revoked.Dispose();

    private async IAsyncEnumerable<Batch> PollAsync(Position from, [EnumeratorCancellation] CancellationToken stop)
    {
        var group = Member.Group;
        var offset = from.Next;
        using var cursor = _log.OpenCursor(Of);
        while (!stop.IsCancellationRequested)
        {
            await Of.Above(offset).WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (stop.IsCancellationRequested)
            {
                yield break;
            }

            Batch? batch = null;
            Exception? fault = null;
            try
            {
                using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"poll {Id.Topic}", ActivityKind.Client) : null;
                batch = cursor.Read(ref offset, Of.End, from.Above, group.BatchSizeMax, group.BatchBytesMax);
                Telemetry.Describe(span, "poll", Id, group.Name, batch?.Entries.Count ?? 0);
            }
            catch (IOException e)
            {
                fault = e;
            }

            if (fault is not null)
            {
                await _log.ReadFailedAsync(Of, offset, fault, stop);
            }
            else if (batch is not null)
            {
                Telemetry.Consumed.Add(batch.Entries.Count, Telemetry.Destination(Id.Topic));
                yield return batch;
            }
        }
    }

    private async Task RunAsync()
    {
        try
        {
            await Member.Work(this, _revoked.Token);
        }
        catch (OperationCanceledException) when (_revoked.IsCancellationRequested)
        {
            // It was told to stop, and did.
        }
        catch (Exception e) when (e is not OutOfMemoryException) // whatever it is, it belongs to the caller of RunAsync
        {
            Member.Fail(e);
        }
    }
}
