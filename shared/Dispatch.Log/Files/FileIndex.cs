using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// The index of a sealed segment, in a file beside it: a directory of partitions (kept in memory), then their runs (read as they are needed).
/// It can be made again from the segment at any time, so it is written without a sync and believed only when its checksums are right.
/// </summary>
sealed class FileIndex : IRunIndex
{
    private const ulong Magic = 0x3130584449505344;
    private const int Fixed = 40;
    private const int PerPartition = 32;

    private readonly FrozenDictionary<int, Range> _ranges;
    private readonly Func<SafeFileHandle> _file;

    private readonly long _runsAt;
    private readonly uint _runsCrc;

    private FileIndex(FrozenDictionary<int, Range> ranges, Func<SafeFileHandle> file, long runsAt, uint runsCrc) =>
        (_ranges, _file, _runsAt, _runsCrc) = (ranges, file, runsAt, runsCrc);

    /// <param name="file">The index file, open while somebody reads the segment.</param>
    public static FileIndex? TryOpen(string path, Func<SafeFileHandle> file, out Summary summary)
    {
        summary = default;
        try
        {
            using var handle = File.OpenHandle(path);
            Span<byte> head = stackalloc byte[Fixed];
            if (Disk.Read(handle, head, 0) != Fixed || BinaryPrimitives.ReadUInt64LittleEndian(head) != Magic)
            {
                return null;
            }

            var count = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
            var directory = new byte[count * PerPartition];
            if (count < 0 || Disk.Read(handle, directory, Fixed) != directory.Length
                || BinaryPrimitives.ReadUInt32LittleEndian(head[12..]) != Crc.Of(directory, Crc.Of(head[16..])))
            {
                return null;
            }

            summary = new Summary(BinaryPrimitives.ReadInt64LittleEndian(head[16..]), BinaryPrimitives.ReadInt64LittleEndian(head[24..]), BinaryPrimitives.ReadUInt32LittleEndian(head[32..]));
            return new FileIndex(Ranges(directory, count), file, Fixed + directory.Length, BinaryPrimitives.ReadUInt32LittleEndian(head[36..]));
        }
        catch (IOException)
        {
            return null;
        }
    }

    public static void Write(string path, IRunIndex index, int partitions, Summary summary)
    {
        var used = Enumerable.Range(0, partitions).Where(partition => index.Count(partition) > 0).ToArray();
        var head = new byte[Fixed + (used.Length * PerPartition)];
        using var file = File.OpenHandle(path + ".new", FileMode.Create, FileAccess.Write);
        var at = (long)head.Length;
        var crc = 0u;
        var runs = new Run[1024];
        for (var i = 0; i < used.Length; i++)
        {
            var entry = head.AsSpan(Fixed + (i * PerPartition), PerPartition);
            index.TryRange(used[i], out var first, out var end);
            BinaryPrimitives.WriteInt32LittleEndian(entry, used[i]);
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], index.Count(used[i]));
            BinaryPrimitives.WriteInt64LittleEndian(entry[8..], first);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], end);
            BinaryPrimitives.WriteInt64LittleEndian(entry[24..], at);
            for (int from = 0, copied; (copied = index.Copy(used[i], from, runs)) > 0; from += copied)
            {
                var bytes = MemoryMarshal.AsBytes(runs.AsSpan(0, copied));
                RandomAccess.Write(file, bytes, at);
                crc = Crc.Of(bytes, crc);
                at += bytes.Length;
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(head, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), used.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), summary.LastSequence);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(24), summary.LastAppendedAt);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(32), summary.End);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(36), crc);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(12), Crc.Of(head.AsSpan(Fixed), Crc.Of(head.AsSpan(16, Fixed - 16))));
        RandomAccess.Write(file, head, 0);
        file.Dispose();
        File.Move(path + ".new", path, overwrite: true);
    }

    public bool TryRange(int partition, out long first, out long end)
    {
        var found = _ranges.TryGetValue(partition, out var range);
        (first, end) = (range.First, range.End);
        return found;
    }

    public int Count(int partition) => _ranges.TryGetValue(partition, out var range) ? range.Count : 0;

    public int Copy(int partition, int from, Span<Run> into)
    {
        if (!_ranges.TryGetValue(partition, out var range) || from >= range.Count)
        {
            return 0;
        }

        var bytes = MemoryMarshal.AsBytes(into[..Math.Min(into.Length, range.Count - from)]);
        var read = Disk.Read(_file(), bytes, range.Position + ((long)from * Run.Size));
        return read == bytes.Length ? read / Run.Size : throw new IOException("the index file is shorter than its directory says");
    }

    /// <summary>Looked at before the segment is read for the first time, not at start-up, which would read every index there is.</summary>
    public bool RunsAreWhole()
    {
        var block = new byte[64 * 1024];
        var (crc, at) = (0u, _runsAt);
        for (int read; (read = Disk.Read(_file(), block, at)) > 0; at += read)
        {
            crc = Crc.Of(block.AsSpan(0, read), crc);
        }

        return crc == _runsCrc;
    }

    private static FrozenDictionary<int, Range> Ranges(ReadOnlySpan<byte> directory, int count)
    {
        var ranges = new Dictionary<int, Range>(count);
        for (; directory.Length > 0; directory = directory[PerPartition..])
        {
            ranges[BinaryPrimitives.ReadInt32LittleEndian(directory)] = new Range(
                BinaryPrimitives.ReadInt32LittleEndian(directory[4..]), BinaryPrimitives.ReadInt64LittleEndian(directory[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(directory[16..]), BinaryPrimitives.ReadInt64LittleEndian(directory[24..]));
        }

        return ranges.ToFrozenDictionary();
    }

    /// <summary>What start-up wants to know of a segment without scanning it.</summary>
    /// <param name="End">The byte behind the last frame.</param>
    public readonly record struct Summary(long LastSequence, long LastAppendedAt, uint End);

    private readonly record struct Range(int Count, long First, long End, long Position);
}
