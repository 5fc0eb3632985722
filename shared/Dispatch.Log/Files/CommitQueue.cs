namespace Dispatch.Log.Files;

/// <summary>
/// Where callers wait for the committing thread. While one group is being synced the next one gathers. Among many callers who come back at once the first would get
/// a sync of its own: so, when many were there a moment ago, the thread waits up to a millisecond for most of them. With few callers it never waits.
/// </summary>
sealed class CommitQueue(long bytesMax)
{
    private const int FewCallers = 5;
    private const int RecordsEnough = 128;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(1);

    private readonly object _gate = new();
    private List<Pending> _waiting = [];
    private long _bytes;
    private int _records;
    private int _wakeAt;
    private int _callers;
    private bool _isClosed;

    /// <exception cref="AppendException">The log is closed, or the disk has not answered for so long that too much waits. Nothing was written.</exception>
    public void Add(Pending pending)
    {
        lock (_gate)
        {
            if (_isClosed || (_bytes > bytesMax && pending.Length > 0))
            {
                var why = _isClosed ? "The log is closed." : $"{_bytes} bytes wait for the disk, which does not answer.";
                pending.Recycle();
                throw new AppendException(why, Persistence.NotPersisted);
            }

            _waiting.Add(pending);
            _bytes += pending.Length;
            _records += pending.Records;
            if (_wakeAt > 0 && (_waiting.Count >= _wakeAt || _records >= RecordsEnough))
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Called by the committing thread alone. Swaps <paramref name="taken"/>, which is empty, with what waits.</summary>
    /// <returns>False: closed, and nothing waits.</returns>
    public bool Take(ref List<Pending> taken)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                if (_isClosed)
                {
                    return false;
                }

                _wakeAt = 1;
                Monitor.Wait(_gate);
            }

            var most = _callers * 4 / 5;
            if (_callers >= FewCallers && _waiting.Count < most && _records < RecordsEnough && !_isClosed)
            {
                _wakeAt = most;
                Monitor.Wait(_gate, Patience);
            }

            _wakeAt = 0;
            (taken, _waiting) = (_waiting, taken);
            (_bytes, _records) = (0, 0);
            return true;
        }
    }

    /// <summary>A group is on the disk and its callers have not been told yet: they and those who wait by now are all that there are.</summary>
    public void Served(int group)
    {
        lock (_gate)
        {
            _callers = group + _waiting.Count;
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }
}
