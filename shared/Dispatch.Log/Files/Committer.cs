using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Files;

/// <summary>
/// The one thread that writes. It takes all that waits, gives it sequence and offsets, writes it, syncs once, and only then lets readers and callers know.
/// Promise: what a caller was told is on the disk; what failed is known not to be there, or the caller is told that it may be. A failure poisons nothing:
/// a file whose write or sync failed is closed for good, and the next group begins a new one.
/// </summary>
sealed class Committer : IDisposable
{
    private readonly LogState _state;
    private readonly CommitQueue _queue;
    private readonly Spares _spares;
    private readonly Keeper _keeper;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly List<Pending> _group = [];
    private readonly Dictionary<(string, int), Position> _moved = [];
    private readonly HashSet<PartitionState> _touched = [];

    private SegmentWriter? _writer;
    private byte[]? _stage;
    private long _sequence;
    private long _appendedAt;
    private (long Number, long End) _previous;

    public Committer(LogState state, CommitQueue queue, Spares spares, Keeper keeper, (long Number, long End) previous, ILogger log, TimeProvider time)
    {
        (_state, _queue, _spares, _keeper, _previous, _log, _time) = (state, queue, spares, keeper, previous, log, time);
        (_sequence, _appendedAt) = (state.Sequence, state.LastAppendedAt);
        _thread = new Thread(Run) { IsBackground = true, Name = "log commit" };
    }

    public void Start() => _thread.Start();

    /// <summary>After the queue was closed: waits for what was still in it, then for the file.</summary>
    public void Dispose()
    {
        _thread.Join();
        if (_writer is not null)
        {
            Seal(); // with a checkpoint that counts it in: the next start has nothing to scan
            _writer.Dispose();
        }
    }

    private void Run()
    {
        var taken = new List<Pending>();
        while (_queue.Take(ref taken))
        {
            foreach (var pending in taken)
            {
                Handle(pending);
            }

            Flush();
            taken.Clear();
        }
    }

    private void Handle(Pending pending)
    {
        if (Refusal(pending) is { } refusal)
        {
            pending.Fail(refusal);
            return;
        }

        if (pending.Length > 0 && !HasRoom(pending))
        {
            Flush();
            if (!HasRoom(pending) && !TryBegin(pending.Length, pending.IsUrgent))
            {
                pending.Fail(new AppendException($"There is no room for the next segment of the log: {_state.Fault}.", Persistence.NotPersisted));
                return;
            }
        }

        try
        {
            Stage(pending);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _group.Add(pending);
            Failed(e);
        }
    }

    /// <summary>Looked at here, where the order of all commits is known.</summary>
    private Exception? Refusal(Pending pending)
    {
        if (pending.Lease is { Holds: false })
        {
            return new LeaseLostException("The partition was handed over: nothing was written.");
        }

        if (pending.Type == FrameType.Commit && pending.Positions is [var entry])
        {
            var key = (entry.Group, _state.Topics.Find(entry.Topic, entry.Partition)!.Index);
            if ((_moved.TryGetValue(key, out var stands) || _state.Positions.TryGetValue(key, out stands)) && entry.Position.Next < stands.Next)
            {
                return new ArgumentException($"Group '{entry.Group}' stands at {stands.Next}; it cannot go back to {entry.Position.Next}. Nothing was written.");
            }
        }

        return null;
    }

    /// <summary>The reserve is left as soon as there is a file for everybody.</summary>
    private bool HasRoom(Pending pending) => _writer is { } writer && writer.Fits(pending.Length) && (!writer.IsReserve || (pending.IsUrgent && !_spares.IsReady));

    /// <summary>Writes what only this thread knows into the frame, and the frame into the buffer.</summary>
    private void Stage(Pending pending)
    {
        if (pending.Length > 0)
        {
            var segment = _writer!.Segment.Number;
            var frame = pending.Buffer.AsSpan(0, pending.Length);
            _appendedAt = Math.Max(_appendedAt, _time.GetUtcNow().ToUnixTimeMilliseconds()); // never back, so that a search by time can halve
            foreach (var (partition, at, count, bytes, crc) in pending.Runs)
            {
                new RunHeader(partition.TopicId, partition.Id.Partition, count, partition.Assigned, bytes, crc, _appendedAt).Write(frame[at..], segment);
                partition.Assigned += count;
                _touched.Add(partition);
            }

            new FrameHeader(pending.Type, ++_sequence, _state.Sequence, _appendedAt, pending.Length, pending.Runs.Count, pending.PositionBytes).Write(frame, segment);
            foreach (var (group, topic, partition, position) in pending.Positions)
            {
                _moved[(group, _state.Topics.Find(topic, partition)!.Index)] = position;
            }

            pending.At = (uint)_writer.At;
            _writer.Add(frame);
        }

        _group.Add(pending);
    }

    private void Flush()
    {
        if (_group.Count == 0)
        {
            return;
        }

        try
        {
            if (_group.Exists(pending => pending.Length > 0))
            {
                _writer!.Sync();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Failed(e);
            return;
        }

        Publish();
        _queue.Served(_group.Count);
        Served.Tell(_group);
        Forget();
    }

    /// <summary>On the disk: the index first, then the ends that let readers look into it, then the positions.</summary>
    private void Publish()
    {
        if (_sequence == _state.Sequence)
        {
            return;
        }

        var segment = _writer!.Segment;
        var index = (MemoryIndex)segment.Index;
        foreach (var pending in _group)
        {
            var frame = pending.Buffer.AsSpan();
            foreach (var (partition, at, count, bytes, _) in pending.Runs)
            {
                RunHeader.TryRead(frame[at..], segment.Number, out var run);
                index.Add(partition.Index, run.First, count, pending.At + (uint)at, (uint)(RunHeader.Size + bytes), segment.SecondsOf(run.AppendedAt));
            }
        }

        _state.Sequence = _sequence;
        _state.LastAppendedAt = _appendedAt;
        segment.Last = new FileIndex.Summary(_sequence, _appendedAt, (uint)_writer.Durable);
        foreach (var (key, position) in _moved)
        {
            _state.Positions[key] = position;
        }

        foreach (var partition in _touched)
        {
            partition.Publish();
        }

        _state.Mark(_sequence);
    }

    /// <summary>
    /// The file is closed for good. When the next one could be begun at once, its header says on the disk where this one ended: then what was in flight is known
    /// never to appear. Otherwise it may, after a restart.
    /// </summary>
    private void Failed(Exception why)
    {
        var writer = _writer!;
        _log.WriteFailed(writer.Segment.Path, why);
        Telemetry.Failures.Add(1);
        _sequence = _state.Sequence;
        foreach (var partition in _touched)
        {
            partition.Assigned = partition.End;
        }

        writer.TryCut();
        _previous = (writer.Segment.Number, writer.Durable);
        Seal();
        _writer = null;
        writer.Dispose();
        _state.Fault = why.Message;
        var isKnown = TryBegin(0, isUrgent: true);
        var persistence = isKnown ? Persistence.NotPersisted : Persistence.PossiblyPersisted;
        foreach (var pending in _group)
        {
            pending.Fail(new AppendException($"The log could not be written: {why.Message}.", persistence, why));
        }

        Forget();
    }

    private bool TryBegin(long frameBytes, bool isUrgent)
    {
        var bytes = frameBytes + SegmentHeader.Size;
        var (spare, isReserve) = (_spares.Take(bytes), false);
        if (spare is null && isUrgent && _writer is not { IsReserve: true })
        {
            (spare, isReserve) = (_spares.TakeReserve(bytes), true);
        }

        if (spare is null)
        {
            _state.Fault = _spares.Failure ?? "no spare segment";
            return false;
        }

        if (_writer is { } old)
        {
            _previous = (old.Segment.Number, old.Durable);
        }

        var number = _state.NextSegment;
        var header = new SegmentHeader(number, _state.LogId, _time.GetUtcNow().ToUnixTimeMilliseconds(), _sequence + 1, _previous.Number, _previous.End);
        try
        {
            var writer = SegmentWriter.Begin(spare, _state.Folder, header, new MemoryIndex(_state.Topics.All.Length), _state.Topics, isReserve, _state.SyncDelay, _stage);
            _state.NextSegment++;
            if (_writer is not null)
            {
                Seal();
                _writer.Dispose();
            }

            (_writer, _stage) = (writer, writer.Stage);
            _state.Segments.Add(writer.Segment);
            Began(isReserve);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _state.NextSegment++; // what is left of this try may have the name already
            _state.Fault = e.Message;
            _log.SegmentFailed(number, e);
            Spares.TryDelete(spare);
            Spares.TryDelete(Segment.PathOf(_state.Folder, number));
            return false;
        }
    }

    private void Began(bool isReserve)
    {
        if (isReserve)
        {
            _log.ReserveInUse(_state.Fault ?? "");
        }
        else if (_state.Fault is not null)
        {
            _log.Healed();
            _state.Fault = null;
        }

        _state.IsReserveInUse = isReserve;
    }

    private void Seal()
    {
        _writer!.Segment.IsSealed = true;
        _keeper.Sealed(_state.Snapshot(_writer.Segment.Number));
    }

    private void Forget()
    {
        _group.Clear();
        _moved.Clear();
        _touched.Clear();
    }
}
