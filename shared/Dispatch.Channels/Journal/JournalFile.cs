using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Dispatch.Log;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Journal;

/// <summary>Wants to know when what was journaled for it survives a power cut. Called on the syncing thread: returns at once.</summary>
interface IDurable
{
    void OnDurable();
}

/// <summary>
/// The journal of one dispatcher: INTENT before bytes leave, OUTCOME after. Append-only files on this machine.
/// Promise: an outcome that was confirmed is found again after any crash, and an intent that was flushed after a crash of the process; what cannot be promised
/// is refused (<see cref="TakesIntents"/>), so that nothing is sent whose outcome would have no place.
/// A sync that fails condemns its file: what was not confirmed is written again into another one. Room comes back by itself; so does the journal.
/// </summary>
sealed class JournalFile : IDisposable
{
    private const int UrgentCount = 1_024;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Housekeeping = TimeSpan.FromSeconds(1);

    private readonly Lock _gate;
    private readonly JournalSettings _settings;
    private readonly ILogger _log;
    private readonly FileStream _lock;
    private readonly Segments _segments;
    private readonly AutoResetEvent _work = new(false);
    private readonly AutoResetEvent _urgent = new(false);
    private readonly Thread _syncer;
    private Block _block;
    private Block _spare = new();
    private volatile string? _fault;
    private volatile bool _stopping;
    private volatile bool _wanted;
    private bool _closed;
    private long _syncs;

    private JournalFile(JournalSettings settings, ILogger log, FileStream @lock, Owner owner, bool machineRestarted, Lock gate, Segments segments)
    {
        (_settings, _log, _lock, _gate, _segments, Owner, MachineRestarted) = (settings, log, @lock, gate, segments, owner, machineRestarted);
        _block = new Block { Base = segments.Current.Length };
        Durable = new JournalPosition(segments.Current.Number, segments.Current.DurableEnd);
        _syncer = new Thread(Run) { IsBackground = true, Name = $"journal {owner.Name}" };
        _syncer.Start();
    }

    public Owner Owner { get; }

    /// <summary>The machine went down since the last start: intents that were flushed but not synced may be missing.</summary>
    public bool MachineRestarted { get; }

    /// <summary>Faults found at start.</summary>
    public IReadOnlyList<Fault> Faults { get; private set; } = [];

    /// <summary>What was kept by earlier starts and is not settled, as it was found at start.</summary>
    public IReadOnlyList<Kept> Kept { get; private set; } = [];

    /// <summary>Messages that were kept and are not settled.</summary>
    public int Unsettled
    {
        get
        {
            lock (_gate)
            {
                return _segments.Unsettled;
            }
        }
    }

    /// <summary>False: there is no durable place for an outcome now, so nothing may be sent.</summary>
    public bool TakesIntents => _fault is null && !_segments.IsFull;

    /// <summary>Why not, for a person; null: it does.</summary>
    public string? Fault => _fault ?? (_segments.IsFull ? "the journal is full" : null);

    /// <summary>What readers may see ends here.</summary>
    public JournalPosition Durable { get; private set; }

    public long Bytes => _segments.Bytes;

    public long Syncs => Interlocked.Read(ref _syncs);

    /// <summary>Raised after each sync that confirmed something, on the syncing thread.</summary>
    public event Action? Synced;

    /// <exception cref="IOException">Another process has the folder, or it cannot be written.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "owned by the journal")]
    public static JournalFile Open(JournalSettings settings, ILogger log)
    {
        Directory.CreateDirectory(settings.Folder);
        var @lock = new FileStream(Path.Combine(settings.Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        try
        {
            var (owner, restarted) = Owner.Next(settings.Folder, settings.Prefix);
            var segments = SegmentFile.In(settings.Folder).ToList();
            var number = Math.Max(segments.Count > 0 ? segments[^1].Number : 0, settings.Shipped.Segment) + 1;
            var current = SegmentFile.Create(settings.Folder, number, settings.Topics, settings.Reserve);
            segments.Add(current);
            var gate = new Lock();
            return new JournalFile(settings, log, @lock, owner, restarted, gate, new Segments(settings, log, gate, segments, current));
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>What is known about records that the log still holds open. At start, and for a partition that comes back; reports faults, and cuts torn tails, at start.</summary>
    /// <param name="next">Where the group stands: records below are finished. Of every partition at start.</param>
    public Dictionary<TopicPartition, Dictionary<long, Remembered>> Recover(Func<TopicPartition, long> next, bool atStart)
    {
        lock (_gate)
        {
            TryFlush();
        }

        var (faults, kept) = (new List<Fault>(), new Dictionary<(TopicPartition, long), Kept>());
        var found = _segments.Read(next, faults, kept);
        if (atStart)
        {
            Faults = faults;
            faults.ForEach(_segments.Report);
            Kept = [.. kept.Values];
            lock (_gate)
            {
                Kept.ToList().ForEach(it => _segments.Keep(it.Partition, it.Offset, it.Segment));
            }
        }

        return found;
    }

    /// <summary>Notes that bytes are about to leave; on disk after <see cref="Flush"/>.</summary>
    public void Stage(in Intent intent)
    {
        lock (_gate)
        {
            if (!_closed)
            {
                intent.Write(_block.Frame(Intent.Size, out var frame));
                Frames.Seal(frame, _segments.Current.Number, FrameKind.Intent);
                Mention(intent.Origin);
            }
        }
    }

    /// <summary>Hands what was staged to the operating system: it survives this process.</summary>
    /// <returns>False: it could not be written, and nothing of it may be sent.</returns>
    public bool Flush()
    {
        lock (_gate)
        {
            return TakesIntents && !_closed && TryFlush();
        }
    }

    /// <summary>
    /// Notes an outcome; <paramref name="waiter"/> hears when it is durable, in order. One that comes after the journal was closed has no place any more: its message
    /// is in doubt at the next start.
    /// </summary>
    public void Append(in JournaledOutcome outcome, IDurable? waiter)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            outcome.Write(_block.Frame(outcome.Size, out var frame));
            Frames.Seal(frame, _segments.Current.Number, FrameKind.Outcome);
            Mention(outcome.Origin);
            if (waiter is not null)
            {
                _block.Waiters.Add(waiter);
            }

            Wake(isUrgent: _block.Waiters.Count == UrgentCount);
        }
    }

    /// <summary>Takes over what becomes of a message in flight; durable after <see cref="SyncAsync"/>.</summary>
    public void Keep(in KeptEntry kept)
    {
        lock (_gate)
        {
            if (!_closed)
            {
                kept.Write(_block.Frame(kept.Size, out var frame));
                Frames.Seal(frame, _segments.Current.Number, FrameKind.Kept);
                Mention(kept.Origin);
                _segments.Keep(new TopicPartition(_settings.Topics[kept.Origin.Topic], kept.Origin.Partition), kept.Origin.Offset, _segments.Current.Number);
            }
        }
    }

    /// <exception cref="KeyNotFoundException">A topic that is none of this journal's.</exception>
    public Origin OriginOf(TopicPartition partition, long offset) => _settings.Topics.ToList().IndexOf(partition.Topic) is var topic and >= 0
        ? new Origin(topic, partition.Partition, offset) : throw new KeyNotFoundException($"The journal {Owner.Name} has no topic '{partition.Topic}'.");

    /// <summary>What was kept stands elsewhere now, or is finished: nothing more is to be done about it here.</summary>
    public void Settled(TopicPartition partition, long offset)
    {
        Append(new JournaledOutcome { Origin = OriginOf(partition, offset), Ending = Ending.Done, Attempts = 0, At = 0 }, null);

        lock (_gate)
        {
            _segments.Settled(partition, offset);
        }
    }

    /// <summary>Ends when everything noted so far is durable.</summary>
    public Task SyncAsync()
    {
        var waiter = new SyncWaiter();
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _block.Waiters.Add(waiter);
            Wake(isUrgent: true);
        }

        return waiter.Task;
    }

    /// <summary>The group stands at <paramref name="next"/>, durably: what the journal knows about records below is no longer needed.</summary>
    public void Passed(TopicPartition partition, long next) => _segments.Passed(partition, next);

    /// <summary>What stands before is in `outcomes`.</summary>
    public void Shipped(JournalPosition position) => _segments.Shipped(position);

    /// <summary>The first segment at or behind a number, and how much of it readers may see.</summary>
    public (SegmentFile Segment, long Readable, bool IsComplete)? Readable(long number) => _segments.From(number);

    /// <summary>One more sync for what is noted; what cannot be confirmed any more is in doubt at the next start.</summary>
    public void Dispose()
    {
        _stopping = true;
        _urgent.Set();
        _work.Set();
        _syncer.Join();
        lock (_gate)
        {
            _closed = true;
            _segments.Dispose();
        }

        _work.Dispose();
        _urgent.Dispose();
        _lock.Dispose();
    }

    private void Wake(bool isUrgent)
    {
        if (isUrgent)
        {
            _urgent.Set();
        }

        if (!_wanted)
        {
            _wanted = true;
            _work.Set();
        }
    }

    private void Mention(Origin origin) => _segments.Current.Mentions(new TopicPartition(_settings.Topics[origin.Topic], origin.Partition), origin.Offset);

    private bool TryFlush()
    {
        try
        {
            if (_block.Length > _block.Flushed)
            {
                RandomAccess.Write(_segments.Current.File, _block.Bytes.AsSpan(_block.Flushed, _block.Length - _block.Flushed), _block.Base + _block.Flushed);
                _block.Flushed = _block.Length;
                _segments.Current.Length = _block.Base + _block.Length;
            }

            return true;
        }
        catch (IOException e)
        {
            Fail(e);
            return false;
        }
    }

    /// <summary>The thread that syncs: nobody else ever waits for the disk.</summary>
    private void Run()
    {
        while (true)
        {
            _work.WaitOne(_stopping || _wanted ? TimeSpan.Zero : Housekeeping);
            var stopping = _stopping;
            if (_wanted && !stopping && _fault is null)
            {
                _urgent.WaitOne(_settings.SyncDelay); // outcomes gather for one sync
            }

            if ((_wanted || _fault is not null) && !TrySync())
            {
                if (stopping)
                {
                    return;
                }

                Thread.Sleep(RetryDelay);
                continue;
            }

            _segments.MakeRoom();
            if (stopping && !_wanted)
            {
                return;
            }
        }
    }

    /// <summary>One sync for all that waits. The lock is not held during it, so that lanes go on.</summary>
    private bool TrySync()
    {
        SegmentFile segment;
        Block block;
        lock (_gate)
        {
            if (!TryFlush())
            {
                return false;
            }

            (segment, block) = (_segments.Current, _block);
            _wanted = false;
            _segments.RollIfFull();
            _block = _spare;
            _block.Reset(_segments.Current.Length);
        }

        try
        {
            _settings.Sync(segment.File);
        }
        catch (IOException e)
        {
            Fail(e);
            return Rescue(segment, block);
        }

        Confirm(segment, block);
        return true;
    }

    private void Confirm(SegmentFile segment, Block block)
    {
        lock (_gate)
        {
            segment.DurableEnd = block.Base + block.Length;
            Durable = new JournalPosition(segment.Number, segment.DurableEnd);
            if (segment == _segments.Current)
            {
                BinaryPrimitives.WriteInt64LittleEndian(_block.Frame(sizeof(long), out var frame), segment.DurableEnd);
                Frames.Seal(frame, segment.Number, FrameKind.Synced);
            }
            else
            {
                segment.Close();
            }

            _spare = block;
        }

        Interlocked.Increment(ref _syncs);
        if (_fault is not null)
        {
            _fault = null;
            _log.JournalHealed(Owner.Name);
        }

        foreach (var waiter in block.Waiters)
        {
            waiter.OnDurable();
        }

        block.Waiters.Clear();
        Synced?.Invoke();
    }

    /// <summary>After a failed sync nobody knows what is on the disk: everything that was not confirmed moves to another file, or waits to be written again.</summary>
    private bool Rescue(SegmentFile condemned, Block block)
    {
        // Before the replacement is the current one: what comes meanwhile is sealed for the file that is current then, and moves with the rest.
        lock (_gate)
        {
            var current = _segments.Current.Number;
            var fresh = _segments.Replace(condemned);
            var to = fresh ?? condemned;
            var moved = new Block { Base = to.DurableEnd };
            moved.Take(block, condemned.Number, to.Number, Moved);
            moved.Take(_block, current, to.Number, Moved);
            (_block, _spare, _wanted) = (moved, new Block(), true);
            return fresh is not null;

            void Moved(Origin origin) => to.Mentions(new TopicPartition(_settings.Topics[origin.Topic], origin.Partition), origin.Offset);
        }
    }

    private void Fail(IOException e)
    {
        if (_fault is null)
        {
            _log.JournalFailed(e, Owner.Name);
        }

        _fault = e.Message;
    }

    private sealed class SyncWaiter : IDurable
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Task => _done.Task;

        public void OnDurable() => _done.SetResult();
    }
}
