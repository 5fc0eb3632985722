namespace Dispatch.Log.Files;

/// <summary>
/// Files for the next segments, full of zeros (or of what a recycled one held) and synced before they are needed: a sync of a file that need not grow costs two thirds,
/// and a full disk shows here, before anything was promised. One small file is the reserve: it is handed out only for outcomes and positions.
/// The keeper's thread makes them; the committing thread takes them.
/// </summary>
sealed class Spares
{
    private const string Extension = ".spare";
    private const int Step = 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(1);

    private readonly object _gate = new();
    private readonly Queue<string> _ready = new();
    private readonly FileLogOptions _options;
    private readonly string _folder;
    private readonly Action _wakeKeeper;
    private readonly string _reserve;
    private long _attempts;
    private long _failedAt;
    private volatile string? _failure;

    public Spares(FileLogOptions options, Action wakeKeeper)
    {
        (_options, _folder, _wakeKeeper) = (options, options.Folder, wakeKeeper);
        _reserve = Path.Combine(_folder, "reserve" + Extension);
        foreach (var path in Directory.GetFiles(_folder, "*" + Extension).Where(path => path != _reserve))
        {
            var isWhole = new FileInfo(path).Length == options.SegmentBytes; // grown by the fill: shorter means that it was cut short
            if (isWhole && _ready.Count < 2)
            {
                _ready.Enqueue(path);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    /// <summary>Why there is no next segment; null: there is, or nobody tried.</summary>
    public string? Failure => _failure;

    /// <summary>Whether the next segment can be begun at once.</summary>
    public bool IsReady
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count > 0;
            }
        }
    }

    public bool HasReserve => File.Exists(_reserve) && new FileInfo(_reserve).Length >= _options.ReserveBytes;

    /// <summary>Waits for the keeper when none is ready.</summary>
    /// <returns>Null: there is no room; <see cref="Failure"/> says why.</returns>
    public string? Take(long bytes)
    {
        if (bytes > _options.SegmentBytes)
        {
            return TryFill(NewName(), bytes);
        }

        lock (_gate)
        {
            var attempt = _attempts;
            var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
            while (_ready.Count == 0 && _attempts == attempt && Environment.TickCount64 < deadline)
            {
                _wakeKeeper();
                Monitor.Wait(_gate, TimeSpan.FromMilliseconds(100));
            }

            if (_ready.TryDequeue(out var path))
            {
                _wakeKeeper();
                return path;
            }

            _failure ??= "the disk did not give a new segment in time";
            return null;
        }
    }

    /// <returns>Null: it is in use already, or too small.</returns>
    public string? TakeReserve(long bytes) => HasReserve && bytes <= _options.ReserveBytes ? _reserve : null;

    /// <summary>The keeper's part: makes what is missing, the reserve first.</summary>
    /// <returns>False: there is not enough room.</returns>
    public bool Make()
    {
        if (HasReserve && IsReady)
        {
            return true;
        }

        if (_failure is not null && Environment.TickCount64 - _failedAt < AgainAfter.TotalMilliseconds)
        {
            Attempted(null);
            return false;
        }

        if (!HasReserve && TryFill(_reserve, _options.ReserveBytes) is null)
        {
            Attempted(null);
            return false;
        }

        var made = IsReady ? null : TryFill(NewName(), _options.SegmentBytes);
        Attempted(made);
        return IsReady;
    }

    /// <summary>Takes back the file of a segment that nobody needs any more.</summary>
    public void Recycle(string path)
    {
        lock (_gate)
        {
            if (_ready.Count < 2 && new FileInfo(path).Length == _options.SegmentBytes)
            {
                var name = NewName();
                File.Move(path, name);
                _ready.Enqueue(name);
                _failure = null;
                return;
            }
        }

        File.Delete(path);
    }

    /// <summary>Best effort: what stays is deleted at the next start, or known there to be void.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The caller already fails for a better reason.
        }
    }

    private void Attempted(string? made)
    {
        lock (_gate)
        {
            if (made is not null)
            {
                _ready.Enqueue(made);
            }

            _attempts++;
            Monitor.PulseAll(_gate);
        }
    }

    private string NewName() => Path.Combine(_folder, $"{Guid.NewGuid():n}{Extension}");

    private string? TryFill(string path, long bytes)
    {
        try
        {
            var free = new DriveInfo(_folder).AvailableFreeSpace;
            if (free < bytes) // asked first, so that a try on a full disk does not take away the last blocks from others
            {
                throw new IOException($"{bytes} bytes are needed for the next segment, {free} are free");
            }

            Fill(path, bytes);
            _failure = null;
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            (_failure, _failedAt) = (e.Message, Environment.TickCount64);
            TryDelete(path);
            return null;
        }
    }

    private static void Fill(string path, long bytes)
    {
        const int syncEvery = 4; // little by little: one large sync would hold up the commits of the same disk
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        var zeros = new byte[Math.Min(Step, bytes)];
        for (var (at, step) = (0L, 1); at < bytes; at += zeros.Length, step++)
        {
            RandomAccess.Write(file, zeros.AsSpan(0, (int)Math.Min(zeros.Length, bytes - at)), at);
            if (step % syncEvery == 0)
            {
                Disk.Sync(file);
            }
        }

        Disk.Sync(file);
    }

}
