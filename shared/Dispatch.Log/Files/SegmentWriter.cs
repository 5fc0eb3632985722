using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>The file that is written now. Frames are gathered in one buffer and go out in one write; large ones are written as they are.</summary>
sealed class SegmentWriter : IDisposable
{
    private const int StageMax = 1024 * 1024;
    private readonly SafeFileHandle _file;
    private readonly long _length;
    private readonly TimeSpan _syncDelay;
    private readonly byte[] _stage;
    private int _staged;
    private long _at;

    private SegmentWriter(Segment segment, SafeFileHandle file, bool isReserve, TimeSpan syncDelay, byte[] stage)
    {
        (Segment, IsReserve, _file, _syncDelay, _stage) = (segment, isReserve, file, syncDelay, stage);
        _length = RandomAccess.GetLength(file);
        _at = Durable = SegmentHeader.Size;
    }

    public Segment Segment { get; }

    /// <summary>Only outcomes and positions may be written to it.</summary>
    public bool IsReserve { get; }

    /// <summary>The byte behind the last frame that is on the disk.</summary>
    public long Durable { get; private set; }

    /// <summary>Where the next frame will stand.</summary>
    public long At => _at + _staged;

    /// <summary>The file gets its header, then its name; when this returns, both are on the disk.</summary>
    /// <exception cref="IOException">There is no such segment.</exception>
    public static SegmentWriter Begin(string spare, string folder, SegmentHeader header, MemoryIndex index, TopicTable topics, bool isReserve, TimeSpan syncDelay, byte[]? stage = null)
    {
        var file = File.OpenHandle(spare, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            header.Write(file);
            Disk.Sync(file);
            var segment = new Segment(folder, header.Number, header.CreatedAt, index, topics);
            File.Move(spare, segment.Path);
            Disk.SyncFolder(folder);
            return new SegmentWriter(segment, file, isReserve, syncDelay, stage ?? new byte[StageMax]);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The buffer, for the writer that comes after this one.</summary>
    public byte[] Stage => _stage;

    public bool Fits(int bytes) => At + bytes <= _length;

    /// <exception cref="IOException">As for <see cref="Sync"/>.</exception>
    public void Add(ReadOnlySpan<byte> frame)
    {
        if (_staged + frame.Length > _stage.Length)
        {
            Flush();
        }

        if (frame.Length > _stage.Length)
        {
            RandomAccess.Write(_file, frame, _at);
            _at += frame.Length;
            return;
        }

        frame.CopyTo(_stage.AsSpan(_staged));
        _staged += frame.Length;
    }

    /// <exception cref="IOException">Nobody knows what of it is on the disk: nothing more may be written to this file.</exception>
    public void Sync()
    {
        Flush();
        Disk.Sync(_file, _syncDelay);
        Durable = _at;
    }

    /// <summary>Best effort, for a file whose sync failed: takes away what was not acknowledged, should nobody get to begin the next segment.</summary>
    public bool TryCut()
    {
        try
        {
            RandomAccess.SetLength(_file, Durable);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    public void Dispose() => _file.Dispose();

    private void Flush()
    {
        RandomAccess.Write(_file, _stage.AsSpan(0, _staged), _at);
        _at += _staged;
        _staged = 0;
    }
}
