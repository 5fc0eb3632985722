using System.Buffers;

namespace Dispatch.Log.Files;

/// <summary>
/// Writes a sealed segment anew with only the partitions that somebody still needs, so that a group that lags, or a record in quarantine, holds back its own bytes
/// and not everybody's. Runs are copied as they are, checksums included; positions stay behind, a checkpoint has them.
/// </summary>
static class Thinner
{
    /// <returns>Whether at most half of the file would be left.</returns>
    public static bool IsWorthIt(Segment segment, IReadOnlySet<int> kept)
    {
        if (segment.Rent() is not { } file)
        {
            return false;
        }

        try
        {
            var bytes = 0L;
            var runs = new Run[1024];
            foreach (var partition in kept)
            {
                for (int from = 0, copied; (copied = segment.Index.Copy(partition, from, runs)) > 0; from += copied)
                {
                    bytes += runs.Take(copied).Sum(run => run.Bytes + FrameHeader.Size);
                }
            }

            return bytes + SegmentHeader.Size <= RandomAccess.GetLength(file) / 2;
        }
        finally
        {
            segment.Return();
        }
    }

    /// <returns>What takes its place, its index in memory; the file has been replaced.</returns>
    /// <exception cref="IOException">Nothing has changed.</exception>
    public static Segment Thin(Segment segment, IReadOnlySet<int> kept, LogState state)
    {
        var aside = segment.Path + ".thin";
        var index = new MemoryIndex(state.Topics.All.Length);
        long end;
        using (var from = File.OpenHandle(segment.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        using (var to = File.OpenHandle(aside, FileMode.Create, FileAccess.ReadWrite))
        {
            end = Copy(segment, kept, state, new FrameScanner(from, segment.Number, SegmentHeader.Size, segment.Last.End), to, index);
            var header = SegmentHeader.Read(from, out _) ?? new SegmentHeader(segment.Number, state.LogId, segment.CreatedAt, 0, 0, 0);
            (header with { End = end }).Write(to);
            Disk.Sync(to);
        }

        File.Delete(segment.IndexPath); // it is the old file's, and must be gone before the new one has the name
        Disk.SyncFolder(state.Folder);
        File.Move(aside, segment.Path, overwrite: true);
        Disk.SyncFolder(state.Folder);
        return new Segment(state.Folder, segment.Number, segment.CreatedAt, index, state.Topics) { IsSealed = true, Last = segment.Last with { End = (uint)end } };
    }

    private static long Copy(Segment segment, IReadOnlySet<int> kept, LogState state, FrameScanner scanner, Microsoft.Win32.SafeHandles.SafeFileHandle to, MemoryIndex index)
    {
        var at = (long)SegmentHeader.Size;
        var frame = new ArrayBufferWriter<byte>();
        while (scanner.MoveNext())
        {
            if (!scanner.IsFrame)
            {
                continue; // damaged, and reported: a copy was kept aside
            }

            frame.ResetWrittenCount();
            frame.Advance(frame.GetSpan(FrameHeader.Size)[..FrameHeader.Size].Length);
            var runs = 0;
            foreach (var (position, run) in scanner.Runs())
            {
                if (state.Topics.Find(run.Topic, run.Partition) is { } partition && kept.Contains(partition.Index))
                {
                    index.Add(partition.Index, run.First, run.Count, (uint)(at + frame.WrittenCount), (uint)(RunHeader.Size + run.Bytes), segment.SecondsOf(run.AppendedAt));
                    frame.Write(scanner.Frame.Slice(position, RunHeader.Size + run.Bytes));
                    runs++;
                }
            }

            if (runs > 0)
            {
                var bytes = frame.WrittenSpan.ToArray();
                (scanner.Header with { Length = bytes.Length, Runs = runs, PositionBytes = 0 }).Write(bytes, segment.Number);
                RandomAccess.Write(to, bytes, at);
                at += bytes.Length;
            }
        }

        return at;
    }
}
