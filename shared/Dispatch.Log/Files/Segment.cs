using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>One file of the log: a header, then frames. Readers rent its files; while one does, the file is not recycled under it.</summary>
sealed class Segment : IDisposable
{
    public const string Extension = ".wal";

    private readonly Lock _gate = new();
    private SafeFileHandle? _file;
    private SafeFileHandle? _indexFile;
    private int _renters;
    private bool _isRetired;
    private volatile IRunIndex _index;

    private readonly TopicTable _topics;
    private bool _isChecked;

    public Segment(string folder, long number, long createdAt, IRunIndex index, TopicTable topics)
    {
        (Number, CreatedAt, _index, _topics) = (number, createdAt, index, topics);
        Path = PathOf(folder, number);
        IndexPath = System.IO.Path.ChangeExtension(Path, ".idx");
    }

    public long Number { get; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; }

    public string Path { get; }

    public string IndexPath { get; }

    public IRunIndex Index => _index;

    /// <summary>The byte behind the last durable frame, the sequence of that frame and when it was appended. Fixed once the segment is sealed.</summary>
    public FileIndex.Summary Last { get; set; }

    public bool IsSealed { get; set; }

    /// <summary>The keeper's note: the partitions that were needed when it last looked whether thinning is worth it.</summary>
    public IReadOnlySet<int>? Considered { get; set; }

    public static string PathOf(string folder, long number) => System.IO.Path.Combine(folder, number.ToString("D12", CultureInfo.InvariantCulture) + Extension);

    public uint SecondsOf(long appendedAt) => (uint)Math.Clamp((appendedAt - CreatedAt) / 1000, 0, uint.MaxValue);

    /// <summary>Takes the index from its file from now on; what readers hold of the one in memory stays right.</summary>
    /// <returns>False: there is no index file that can be believed.</returns>
    public bool TryUseIndexFile()
    {
        if (FileIndex.TryOpen(IndexPath, () => _indexFile ?? throw new ObjectDisposedException(nameof(Segment)), out var summary) is not { } index)
        {
            return false;
        }

        lock (_gate)
        {
            if (_renters > 0)
            {
                _indexFile ??= File.OpenHandle(IndexPath);
            }

            _index = index;
        }

        Last = summary;
        return true;
    }

    /// <returns>The segment's file, to be given back by <see cref="Return"/>; null: the segment is gone.</returns>
    public SafeFileHandle? Rent()
    {
        lock (_gate)
        {
            if (_isRetired)
            {
                return null;
            }

            _file ??= File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (_index is FileIndex index)
            {
                _indexFile ??= File.OpenHandle(IndexPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                if (!_isChecked && !index.RunsAreWhole())
                {
                    _index = Reindex(_file); // the keeper writes it to a file again
                    _indexFile.Dispose();
                    _indexFile = null;
                }

                _isChecked = true;
            }

            _renters++;
            return _file;
        }
    }

    public void Return()
    {
        lock (_gate)
        {
            if (--_renters == 0)
            {
                Dispose();
            }
        }
    }

    /// <summary>After this nobody new can read it.</summary>
    /// <returns>True: nobody does, and its file may serve again; false: it may only be unlinked.</returns>
    public bool Retire()
    {
        lock (_gate)
        {
            _isRetired = true;
            return _renters == 0;
        }
    }

    private MemoryIndex Reindex(SafeFileHandle file)
    {
        var made = new MemoryIndex(_topics.All.Length);
        var scanner = new FrameScanner(file, Number, SegmentHeader.Size, Last.End);
        while (scanner.MoveNext())
        {
            foreach (var (at, run) in scanner.IsFrame ? scanner.Runs() : [])
            {
                if (_topics.Find(run.Topic, run.Partition) is { } partition)
                {
                    made.Add(partition.Index, run.First, run.Count, (uint)(scanner.Position + at), (uint)(RunHeader.Size + run.Bytes), SecondsOf(run.AppendedAt));
                }
            }
        }

        return made;
    }

    public void Dispose()
    {
        _file?.Dispose();
        _indexFile?.Dispose();
        (_file, _indexFile) = (null, null);
    }
}
