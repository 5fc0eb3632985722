using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Files;

/// <summary>
/// The thread that keeps the folder in order, off the path: spare segments, index files and checkpoints for what was sealed, retention, and the watermark's sync.
/// What fails here is logged and tried again; nothing waits for it but a segment change that finds no spare.
/// </summary>
sealed class Keeper : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly LogState _state;
    private readonly Spares _spares;
    private readonly Retention _retention;
    private readonly ILogger _log;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private Checkpoint? _checkpoint;
    private Checkpoint _saved = Checkpoint.None;
    private volatile bool _isStopping;
    private bool _isFailing;
    private bool _isShort;

    public Keeper(LogState state, FileLogOptions options, Func<string, IEnumerable<string>> groupsOf, ILogger log, TimeProvider time)
    {
        (_state, _log) = (state, log);
        _spares = new Spares(options, Wake);
        _retention = new Retention(state, _spares, options, groupsOf, log, time);
        _thread = new Thread(Run) { IsBackground = true, Name = "log keeper" };
    }

    public Spares Spares => _spares;

    public IReadOnlyList<Stalled> Stalled => _retention.Stalled;

    public void Start() => _thread.Start();

    public void Wake() => _wake.Set();

    /// <summary>A segment ended; the checkpoint tells where everything stood then.</summary>
    public void Sealed(Checkpoint checkpoint)
    {
        Interlocked.Exchange(ref _checkpoint, checkpoint);
        Wake();
    }

    /// <summary>After the committing thread has ended: the last checkpoint, so that the next start has nothing to scan.</summary>
    public void Dispose()
    {
        _isStopping = true;
        Wake();
        _thread.Join();
        _wake.Dispose();
    }

    private void Run()
    {
        while (!_isStopping)
        {
            _wake.WaitOne(Tick);
            Step(Once);
        }

        Step(End);
    }

    private void Once()
    {
        var hasRoom = _spares.Make();
        if (!hasRoom && !_isShort)
        {
            _log.Short(_spares.Failure ?? "");
        }

        _isShort = !hasRoom;
        WriteIndexes();
        SaveCheckpoint();
        Retain();

        _state.Watermark.Sync();
    }

    private void End()
    {
        WriteIndexes();
        SaveCheckpoint();
        _state.Watermark.Sync();
    }

    /// <summary>The list without them is on the disk first, and only then the files go: what is listed and not there was taken away by somebody else.</summary>
    private void Retain()
    {
        var (gone, thinned) = _retention.Apply(_saved.Segment, hurry: _isShort);
        if (gone.Count > 0)
        {
            Save(_saved);
            gone.ForEach(_retention.Delete);
        }

        if (thinned)
        {
            WriteIndexes();
        }

        if (_isShort && gone.Count > 0)
        {
            _spares.Make();
        }
    }

    private void WriteIndexes()
    {
        foreach (var segment in _state.Segments.All)
        {
            if (segment.IsSealed && segment.Index is MemoryIndex index)
            {
                FileIndex.Write(segment.IndexPath, index, _state.Topics.All.Length, segment.Last);
                segment.TryUseIndexFile();
            }
        }
    }

    private void SaveCheckpoint()
    {
        if (Interlocked.Exchange(ref _checkpoint, null) is { } checkpoint)
        {
            Save(checkpoint);
        }
    }

    private void Save(Checkpoint checkpoint)
    {
        var listed = checkpoint with { Segments = [.. _state.Segments.All.Select(segment => segment.Number).Where(number => number <= checkpoint.Segment)] };
        listed.Save(_state.Folder);
        _saved = listed;
    }

    private void Step(Action step)
    {
        try
        {
            step();
            _isFailing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing)
            {
                _log.KeeperFailed(e);
            }

            _isFailing = true;
        }
    }
}
