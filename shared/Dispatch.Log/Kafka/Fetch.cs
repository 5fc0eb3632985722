using System.Collections.Immutable;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>
/// What was fetched of a partition and not taken yet. The member's loop fills it and obeys what it asks for: where to read, and when to pause, so that a slow reader holds a bounded
/// amount and polling goes on.
/// </summary>
sealed class Fetch(Group group)
{
    private readonly Lock _gate = new();
    private readonly Queue<(Entry Entry, int Bytes)> _entries = new();
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _bytes;
    private long _next; // behind what was fetched
    private long _end;
    private long? _seek;
    private bool _isReading;
    private bool _isFull;

    /// <summary>Ends with the next arrival; taken before looking.</summary>
    public Task Arrived
    {
        get
        {
            lock (_gate)
            {
                return _arrived.Task;
            }
        }
    }

    /// <summary>Behind the last record that is known of. What follows it and is no record (the marks of transactions) is not counted once it was seen.</summary>
    public long End
    {
        get
        {
            lock (_gate)
            {
                return _end;
            }
        }
    }

    /// <summary>For the loop: fetch, or pause.</summary>
    public bool WantsMore
    {
        get
        {
            lock (_gate)
            {
                return _isReading && !_isFull;
            }
        }
    }

    /// <summary>For the loop: go there before anything that comes is offered.</summary>
    public long? SeekTo
    {
        get
        {
            lock (_gate)
            {
                return _seek;
            }
        }
    }

    public void Begin(long from)
    {
        lock (_gate)
        {
            if (_isReading)
            {
                throw new InvalidOperationException("This partition is being read already; one reader at a time.");
            }

            _entries.Clear();
            (_bytes, _isFull, _isReading, _seek, _next) = (0, false, true, from, from);
        }
    }

    public void Pause()
    {
        lock (_gate)
        {
            _isReading = false;
        }
    }

    /// <summary>The loop has gone where it was asked to.</summary>
    public void Sought(long to)
    {
        lock (_gate)
        {
            if (_seek == to)
            {
                _seek = null;
            }
        }
    }

    public void Offer(ConsumeResult<byte[], byte[]> result, long high)
    {
        lock (_gate)
        {
            if (!_isReading || _seek is not null || (!result.IsPartitionEOF && Messages.IsSeal(result)))
            {
                return;
            }

            if (result.IsPartitionEOF)
            {
                _end = _next;
                return;
            }

            var entry = Messages.Read(result);
            var bytes = Messages.BytesOf(entry);
            _entries.Enqueue((entry, bytes));
            _bytes += bytes;
            _next = entry.Offset + 1;
            _end = Math.Max(Math.Max(_end, high), _next);
            _isFull = _isFull || _entries.Count >= 2 * group.BatchSizeMax || _bytes >= 2L * group.BatchBytesMax;
            if (_entries.Count == 1)
            {
                _arrived.TrySetResult();
            }
        }
    }

    public void EndIs(long end)
    {
        lock (_gate)
        {
            _end = Math.Max(_end, end);
        }
    }

    /// <returns>Null: nothing has arrived.</returns>
    public Batch? Take(ImmutableArray<Mark> marks)
    {
        lock (_gate)
        {
            var (taken, bytes, end) = (new List<Entry>(Math.Min(_entries.Count, group.BatchSizeMax)), 0L, 0L);
            while (_entries.TryPeek(out var next) && (taken.Count == 0 || (taken.Count < group.BatchSizeMax && bytes + next.Bytes <= group.BatchBytesMax)))
            {
                _entries.Dequeue();
                end = next.Entry.Offset + 1;
                _bytes -= next.Bytes;
                if (!marks.Has(next.Entry.Offset))
                {
                    taken.Add(next.Entry);
                    bytes += next.Bytes;
                }
            }

            if (_entries.Count == 0 && _arrived.Task.IsCompleted)
            {
                _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            if (_isFull && _entries.Count <= group.BatchSizeMax / 2 && _bytes <= group.BatchBytesMax / 2)
            {
                _isFull = false; // well below where it became full: pausing drops what the client has fetched ahead
            }

            return taken.Count > 0 ? new Batch(taken, end) : null;
        }
    }
}
