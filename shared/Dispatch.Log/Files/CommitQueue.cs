namespace Dispatch.Log.Files;

/// <summary>
/// Where callers wait for the committing thread. While one group is being synced the next one gathers. Callers who were served together come back together, and the first of them
/// would get a sync of its own: so when several were there a moment ago, the thread waits for most of them: an eighth of a millisecond for each that it knows of, eight at most. So callers
/// who come by themselves, and not because they were served, are waited for only above 7 000 a second: below, each wait finds fewer than the one before. Now and then it waits for more
/// than it knows of, to find out whether there are; the less it finds the more seldom. With few callers, or with enough records for one sync, it never waits.
/// </summary>
sealed class CommitQueue(long bytesMax)
{
    private const int FewCallers = 5;
    private const int RecordsEnough = 64;
    private const int ProbeEvery = 4;
    private const int ProbeEveryMax = 256;
    private static readonly TimeSpan PatiencePerCaller = TimeSpan.FromMicroseconds(125);
    private static readonly TimeSpan PatienceMax = TimeSpan.FromMilliseconds(8);

    private readonly object _gate = new();
    private List<Pending> _waiting = [];
    private long _bytes;
    private int _records;
    private int _wakeAt;
    private int _callers;
    private int _probeEvery = ProbeEvery;
    private int _untilProbe = ProbeEvery;
    private bool _isLate;
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

            Gather();
            _wakeAt = 0;
            (taken, _waiting) = (_waiting, taken);
            (_bytes, _records) = (0, 0);
            return true;
        }
    }

    /// <summary>A group is on the disk and its callers have not been told yet: they and those who wait by now are all that are known.</summary>
    public void Served(int group)
    {
        lock (_gate)
        {
            var seen = group + _waiting.Count;
            _callers = _isLate ? seen : Math.Max(_callers, seen);
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

    private TimeSpan Patience() => TimeSpan.FromTicks(Math.Min(_callers * PatiencePerCaller.Ticks, PatienceMax.Ticks));

    private void Gather()
    {
        _isLate = false;
        if (_callers < FewCallers || _records >= RecordsEnough || _isClosed)
        {
            return;
        }

        var isProbe = --_untilProbe <= 0;
        _wakeAt = isProbe ? _callers + (_callers / 4) + 1 : _callers * 7 / 8;
        if (_waiting.Count < _wakeAt)
        {
            _isLate = !Monitor.Wait(_gate, Patience());
        }

        if (isProbe)
        {
            _probeEvery = _isLate ? Math.Min(_probeEvery * 2, ProbeEveryMax) : ProbeEvery;
            _untilProbe = _probeEvery;
        }
    }
}
