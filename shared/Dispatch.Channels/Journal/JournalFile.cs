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
/// A sync that fails condemns its file: what was not confirmed is written again into a new one. Room comes back by itself; so does the journal.
/// </summary>
sealed class JournalFile : IDisposable
{
    private const int UrgentCount = 1_024;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Lock _scan = new(); // a file that is being read is not deleted
    private readonly JournalSettings _settings;
    private readonly ILogger _log;
    private readonly FileStream _lock;
    private readonly List<SegmentFile> _segments;
    private readonly Dictionary<TopicPartition, long> _committed = [];
    private readonly AutoResetEvent _work = new(false);
    private readonly AutoResetEvent _urgent = new(false);
    private readonly Thread _syncer;
    private SegmentFile _current;
    private SegmentFile? _next;
    private Block _block;
    private Block _spare = new();
    private JournalPosition _shipped;
    private volatile string? _fault;
    private volatile bool _stopping;
    private volatile bool _full;
    private bool _wanted;
    private bool _closed;
    private long _bytes;
    private long _syncs;

    private JournalFile(JournalSettings settings, ILogger log, FileStream @lock, Owner owner, bool machineRestarted, List<SegmentFile> segments, SegmentFile current)
    {
        (_settings, _log, _lock, Owner, MachineRestarted, _segments, _current) = (settings, log, @lock, owner, machineRestarted, segments, current);
        _segments.Add(current);
        _block = new Block { Base = current.Length };
        _bytes = segments.Sum(segment => segment.Length);
        Durable = new JournalPosition(current.Number, current.DurableEnd);
        _syncer = new Thread(Run) { IsBackground = true, Name = $"journal {owner.Name}" };
        _syncer.Start();
    }

    public Owner Owner { get; }

    /// <summary>The machine went down since the last start: intents that were flushed but not synced may be missing.</summary>
    public bool MachineRestarted { get; }

    /// <summary>Faults found at start.</summary>
    public IReadOnlyList<Fault> Faults { get; private set; } = [];

    /// <summary>False: there is no durable place for an outcome now, so nothing may be sent.</summary>
    public bool TakesIntents => _fault is null && !_full;

    /// <summary>Why not, for a person; null: it does.</summary>
    public string? Fault => _fault ?? (_full ? "the journal is full" : null);

    /// <summary>What readers may see ends here.</summary>
    public JournalPosition Durable { get; private set; }

    public long Bytes => Interlocked.Read(ref _bytes);

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
            return new JournalFile(settings, log, @lock, owner, restarted, segments, current) { _shipped = settings.Shipped };
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    /// <summary>What is known about records that the log still holds open. At start, and for a partition that comes back; reports and cuts torn tails at start.</summary>
    /// <param name="next">Where the group stands: records below are finished. Of every partition at start.</param>
    public Dictionary<TopicPartition, Dictionary<long, Remembered>> Recover(Func<TopicPartition, long> next, bool atStart)
    {
        var faults = new List<Fault>();
        SegmentFile[] segments;
        lock (_gate)
        {
            TryFlush();
            segments = [.. _segments];
        }

        Dictionary<TopicPartition, Dictionary<long, Remembered>> found;
        lock (_scan)
        {
            found = JournalScan.Read(segments.Where(segment => !segment.File.IsClosed), _settings.Topics, (partition, offset) => offset >= next(partition), faults);
        }

        if (atStart)
        {
            Faults = faults;
            foreach (var fault in faults)
            {
                Report(fault, segments.First(segment => segment.Number == fault.Segment));
            }
        }

        return found;
    }

    /// <summary>Notes that bytes are about to leave; on disk after <see cref="Flush"/>.</summary>
    public void Stage(in Intent intent)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return;
            }

            intent.Write(_block.Frame(Intent.Size, out var frame));
            Frames.Seal(frame, _current.Number, FrameKind.Intent);
            Mention(intent.Origin);
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
            Frames.Seal(frame, _current.Number, FrameKind.Outcome);
            Mention(outcome.Origin);
            if (waiter is not null)
            {
                _block.Waiters.Add(waiter);
            }

            Wake(first: !_wanted, urgent: _block.Waiters.Count == UrgentCount);
            _wanted = true;
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
            _wanted = true;
            Wake(first: true, urgent: true);
        }

        return waiter.Task;
    }

    /// <summary>The group stands at <paramref name="next"/>, durably: what the journal knows about records below is no longer needed.</summary>
    public void Passed(TopicPartition partition, long next)
    {
        lock (_gate)
        {
            _committed[partition] = Math.Max(next, _committed.GetValueOrDefault(partition));
        }
    }

    /// <summary>What stands before is in `outcomes`.</summary>
    public void Shipped(JournalPosition position)
    {
        lock (_gate)
        {
            _shipped = position;
        }
    }

    /// <summary>The segment at or behind a number, oldest first, and how much of it readers may see.</summary>
    public (SegmentFile Segment, long Readable, bool IsLast)? Readable(long number)
    {
        lock (_gate)
        {
            var segment = _segments.FirstOrDefault(it => it.Number >= number);
            return segment is null ? null : (segment, segment.DurableEnd, segment == _current);
        }
    }

    public void Dispose()
    {
        _stopping = true;
        Wake(true, true);
        _syncer.Join();
        lock (_gate)
        {
            _closed = true;
            _current.Close();
            foreach (var segment in _segments)
            {
                segment.Dispose();
            }

            if (_next is not null)
            {
                _next.Dispose();
                File.Delete(_next.Path);
            }
        }

        _work.Dispose();
        _urgent.Dispose();
        _lock.Dispose();
    }

    private void Wake(bool first, bool urgent)
    {
        if (urgent)
        {
            _urgent.Set();
        }

        if (first)
        {
            _work.Set();
        }
    }

    private void Mention(Origin origin) => _current.Mentions(new TopicPartition(_settings.Topics[origin.Topic], origin.Partition), origin.Offset);

    private bool TryFlush()
    {
        try
        {
            var from = _block.Base + _block.Flushed;
            if (_block.Length > _block.Flushed)
            {
                RandomAccess.Write(_current.File, _block.Bytes.AsSpan(_block.Flushed, _block.Length - _block.Flushed), from);
                _block.Flushed = _block.Length;
                _current.Length = _block.Base + _block.Length;
            }

            return true;
        }
        catch (IOException e)
        {
            Fail(e);
            return false;
        }
    }

    private void Run()
    {
        while (true)
        {
            _work.WaitOne(_stopping || _wanted ? TimeSpan.Zero : RetryDelay * 4);
            var stopping = _stopping;
            if (_wanted && !stopping && _fault is null)
            {
                _urgent.WaitOne(_settings.SyncDelay); // outcomes gather for one sync
            }

            if ((_wanted || _fault is not null) && !TrySync())
            {
                if (stopping)
                {
                    return; // there is no place; what was not confirmed is in doubt at the next start
                }

                Thread.Sleep(RetryDelay);
                _work.Set();
                continue;
            }

            MakeRoom();
            if (stopping && !_wanted)
            {
                return;
            }
        }
    }

    /// <summary>One sync for all that waits. The file is written and synced without the lock, so that lanes go on.</summary>
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

            (segment, block) = (_current, _block);
            _wanted = false;
            if (segment.Length >= _settings.SegmentBytesMax && _next is not null)
            {
                (_current, _next) = (_next, null);
                _segments.Add(_current);
            }

            _block = _spare;
            _block.Reset(_current.Length);
        }

        try
        {
            _settings.Sync(segment.File);
        }
        catch (IOException e)
        {
            return Rescue(e, segment, block);
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
            if (segment == _current)
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
    private bool Rescue(IOException e, SegmentFile condemned, Block block)
    {
        Fail(e);
        var fresh = _current != condemned ? _current : _next ?? TryCreate();
        lock (_gate)
        {
            var moved = new Block { Base = (fresh ?? condemned).DurableEnd };
            moved.Take(block, condemned.Number, (fresh ?? condemned).Number, Mention);
            moved.Take(_block, _current.Number, (fresh ?? condemned).Number, Mention);
            _block = moved;
            _spare = new Block();
            _wanted = true;
            if (fresh is null)
            {
                return false;
            }

            condemned.Cut(condemned.DurableEnd);
            if (_current != fresh)
            {
                (_current, _next) = (fresh, null);
                _segments.Add(fresh);
            }

            return true;

            void Mention(Origin origin) => fresh?.Mentions(new TopicPartition(_settings.Topics[origin.Topic], origin.Partition), origin.Offset);
        }
    }

    private SegmentFile? TryCreate()
    {
        try
        {
            return SegmentFile.Create(_settings.Folder, _current.Number + 1, _settings.Topics, _settings.Reserve);
        }
        catch (IOException e)
        {
            _log.JournalHasNoRoom(e, Owner.Name);
            return null;
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

    /// <summary>Deletes what nobody needs, and prepares the next segment while there is still room in this one for every outcome in flight.</summary>
    private void MakeRoom()
    {
        List<SegmentFile> done;
        lock (_gate)
        {
            done = [.. _segments.TakeWhile(it => it != _current && it.Number < _shipped.Segment && it.IsPassed(partition => _committed.GetValueOrDefault(partition)))];
            _segments.RemoveRange(0, done.Count);
            Interlocked.Exchange(ref _bytes, _segments.Sum(segment => segment.Length));
        }

        lock (_scan)
        {
            foreach (var segment in done)
            {
                segment.Dispose();
                File.Delete(segment.Path);
            }
        }

        var full = Bytes >= _settings.BytesMax;
        if (!full && _next is null && _current.Length > _settings.SegmentBytesMax / 2)
        {
            _next = TryCreate();
            full = _next is null && _current.Length > _settings.SegmentBytesMax; // what is in flight still fits into the reserve
        }

        if (full && !_full)
        {
            _log.JournalFull(Owner.Name, Bytes);
        }

        _full = full;
    }

    private void Report(Fault fault, SegmentFile segment)
    {
        if (fault.Torn)
        {
            _log.JournalTorn(fault.Bytes, fault.Segment, fault.Offset);
            if (fault.Offset + fault.Bytes == segment.Length && segment != _current)
            {
                RandomAccess.SetLength(segment.File, fault.Offset);
                segment.Cut(fault.Offset);
            }
        }
        else
        {
            _log.JournalDamaged(fault.Bytes, fault.Segment, fault.Offset);
        }
    }

    private sealed class SyncWaiter : IDurable
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Task => _done.Task;

        public void OnDurable() => _done.SetResult();
    }
}
