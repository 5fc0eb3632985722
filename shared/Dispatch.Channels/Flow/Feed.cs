using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Flow;

/// <summary>
/// One partition while it is ours: what of it is done, what goes on to other topics, and the commits that make both durable.
/// Promise: a record that goes on and the position that passes it become visible together; the position passes nothing whose outcome is not durable in the journal.
/// </summary>
sealed class Feed : IDisposable
{
    private const int RecordsMax = 1_000;
    private const int BytesMax = 3 * 1024 * 1024;
    private static readonly TimeSpan Idle = TimeSpan.FromHours(1);
    private static readonly TimeSpan BackOff = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan BackOffMax = TimeSpan.FromSeconds(5);

    private readonly JournalFile _journal;
    private readonly DispatcherOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Pulse _pulse;
    private readonly Queue<(long Offset, Record Record)> _onward = new();
    private readonly List<(long Offset, Record Record)> _going = [];
    private readonly Dictionary<long, WorkItem> _inFlight = [];
    private bool _isKept;
    private int _isDirty;
    private volatile bool _isClosed;

    public Feed(IPartition partition, int topic, TrafficClass of, Position start, JournalFile journal, DispatcherOptions options, TimeProvider time, ILogger log)
    {
        (Partition, Topic, Class, Progress, _journal, _options, _time, _log) = (partition, topic, of, new Progress(start), journal, options, time, log);
        _pulse = new Pulse(time);
        Permit = new Permit(() => partition.LeaseHolds && !_isClosed);
    }

    public IPartition Partition { get; }

    /// <summary>In the journal's list.</summary>
    public int Topic { get; }

    public TrafficClass Class { get; }

    public Progress Progress { get; }

    public Permit Permit { get; }

    /// <summary>Nothing of it begins any more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Records that wait for a commit.</summary>
    public int Onward
    {
        get
        {
            lock (_onward)
            {
                return _onward.Count;
            }
        }
    }

    /// <summary>A lane has it, and its intent is in the journal.</summary>
    /// <returns>False: the partition is being left, and nothing begins here any more.</returns>
    public bool TryBegin(WorkItem item)
    {
        lock (_inFlight)
        {
            if (!_isKept)
            {
                _inFlight[item.Origin.Offset] = item;
                Progress.Begin(item.Origin.Offset);
            }

            return !_isKept;
        }
    }

    /// <summary>No lane has it any more, and it is not finished.</summary>
    /// <returns>False: it was kept meanwhile, and its desk has to take it.</returns>
    public bool TryReturn(WorkItem item)
    {
        lock (_inFlight)
        {
            if (item.Desk is null)
            {
                _inFlight.Remove(item.Origin.Offset);
                Progress.Return(item.Origin.Offset);
            }

            return item.Desk is null;
        }
    }

    /// <summary>What ends it is about to be noted: too late to keep it.</summary>
    public void Conclude(WorkItem item)
    {
        lock (_inFlight)
        {
            item.IsConcluded = true;
        }
    }

    public void Settle(long offset)
    {
        lock (_inFlight)
        {
            _inFlight.Remove(offset);
            Progress.Settle(offset);
        }

        MarkDirty();
    }

    /// <summary>The record is finished here as soon as <paramref name="record"/> stands elsewhere.</summary>
    public void HandOver(long offset, Record record)
    {
        lock (_inFlight)
        {
            _inFlight.Remove(offset);
        }

        lock (_onward)
        {
            _onward.Enqueue((offset, record));
        }

        MarkDirty();
    }

    /// <summary>Commits what was settled, until <paramref name="stop"/>; goes on through every fault of the log.</summary>
    /// <exception cref="LeaseLostException">The partition is somebody else's.</exception>
    public async Task CommitAsync(CancellationToken stop)
    {
        using var wake = stop.Register(_pulse.Send);
        var backOff = BackOff;
        while (!stop.IsCancellationRequested)
        {
            await _pulse.WaitAsync(Idle);
            await DelayAsync(_options.CommitInterval, stop);
            while (Interlocked.Exchange(ref _isDirty, 0) == 1 && !stop.IsCancellationRequested)
            {
                try
                {
                    await CommitOnceAsync(isLeaving: false, CancellationToken.None);
                    backOff = BackOff;
                }
                catch (AppendException e)
                {
                    _log.CommitFailed(e, Partition.Id.Topic, Partition.Id.Partition, backOff);
                    await DelayAsync(backOff, stop);
                    backOff = backOff * 2 < BackOffMax ? backOff * 2 : BackOffMax;
                    MarkDirty();
                }
            }
        }
    }

    /// <summary>
    /// The last commits; nothing begins from here on. What lanes still have is marked as kept, by the last of them only: a record that waits for a later commit than
    /// the one that keeps it would be read by nobody if this process ended between the two.
    /// </summary>
    /// <param name="desk">Settles what is kept from here on; null: nobody else ever has this partition, and the next start reads it again.</param>
    /// <exception cref="AppendException">What was settled since the last commit is known to the journal only.</exception>
    public async Task LeaveAsync(KeptDesk? desk, CancellationToken patience)
    {
        _isClosed = true;
        if (desk is not null)
        {
            await KeepAsync(desk, patience);
        }

        try
        {
            do
            {
                await CommitOnceAsync(isLeaving: true, patience);
            }
            while (Onward > 0);
        }
        catch (LeaseLostException)
        {
            desk?.Disown(Partition.Id, Kept());
            throw;
        }
    }

    /// <summary>Durably in the journal before the log says so: between the two nobody may think that it is the other's.</summary>
    private async Task KeepAsync(KeptDesk desk, CancellationToken patience)
    {
        lock (_inFlight)
        {
            _isKept = true;
            foreach (var item in _inFlight.Values.Where(item => !item.IsConcluded)) // what is concluded is durable after this sync, and goes with the commit
            {
                item.Desk = desk;
                _journal.Keep(new KeptEntry(item.Origin, item.TraceParent, item.Message.ToByteArray()));
            }
        }

        await _journal.SyncAsync().WaitAsync(patience);
    }

    private List<WorkItem> Kept()
    {
        lock (_inFlight)
        {
            return [.. _inFlight.Values.Where(item => item.Desk is not null)];
        }
    }

    public void Close() => _isClosed = true;

    public void Dispose() => _pulse.Dispose();

    private async Task CommitOnceAsync(bool isLeaving, CancellationToken stop)
    {
        Gather();
        var position = Progress.Snapshot(keep: isLeaving && Onward == 0);
        await Partition.CommitAsync([.. _going.Select(it => it.Record)], position, stop);
        _going.Clear();
        _journal.Passed(Partition.Id, position.Next);
        if (Onward > 0)
        {
            MarkDirty();
        }
    }

    /// <summary>What was gathered for a commit that failed stays gathered: the window has passed it, so no commit may go without it.</summary>
    private void Gather()
    {
        lock (_onward)
        {
            var bytes = _going.Sum(it => it.Record.Value.Length);
            while (_going.Count < RecordsMax && bytes < BytesMax && _onward.TryDequeue(out var next))
            {
                bytes += next.Record.Value.Length;
                _going.Add(next);
                Progress.Settle(next.Offset);
            }
        }
    }

    private void MarkDirty()
    {
        if (Interlocked.Exchange(ref _isDirty, 1) == 0)
        {
            _pulse.Send();
        }
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken stop) =>
        await Task.Delay(delay, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
