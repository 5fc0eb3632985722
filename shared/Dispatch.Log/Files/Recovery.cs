using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// Brings the log back at start: from the checkpoint, then every frame behind it. What was durable and is damaged is reported and kept aside, what is whole in a damaged frame is saved;
/// a torn tail is cut off and kept aside. What was found valid is synced before anybody may read it.
/// </summary>
sealed class Recovery(LogState state, TimeProvider time)
{
    private readonly List<Found> _found = [];
    private bool _hasAllOffsets;
    private Checkpoint _checkpoint = Checkpoint.None;
    private long _sequence;

    /// <returns>The last segment and where it ends, for the header of the next one.</returns>
    public (long Number, long End) Run()
    {
        foreach (var left in Directory.GetFiles(state.Folder, "*.thin"))
        {
            File.Delete(left);
        }

        _checkpoint = Checkpoint.Load(state.Folder, out var damaged);
        foreach (var path in damaged)
        {
            Report(DamageKind.Damaged, path, 0, new FileInfo(path).Length, "A checkpoint is damaged; an older one, or the segments themselves, take its place.");
        }

        Start();
        FindSegments();
        if (damaged.Count == 0)
        {
            CheckList();
        }

        // Only then a first offset that is higher than expected proves a loss: retention and thinning leave gaps too.
        _hasAllOffsets = _checkpoint != Checkpoint.None || _found.Select((found, n) => found.Number == n + 1 && found.Header is not { End: > 0 }).All(isThere => isThere);
        var previous = (Number: 0L, End: 0L);
        for (var n = 0; n < _found.Count; n++)
        {
            previous = (_found[n].Number, Open(_found[n], EndOf(n), isLast: n == _found.Count - 1));
            _found[n].File.Dispose();
        }

        Finish();
        return previous;
    }

    private void Start()
    {
        (state.Sequence, state.LastAppendedAt, _sequence) = (_checkpoint.Sequence, _checkpoint.LastAppendedAt, _checkpoint.Sequence);
        foreach (var (topic, partition, next) in _checkpoint.Ends)
        {
            if (state.Topics.Find(topic, partition) is { } known)
            {
                known.Assigned = next;
            }
        }

        Apply(_checkpoint.Positions);
    }

    private void FindSegments()
    {
        foreach (var path in Directory.GetFiles(state.Folder, "*" + Segment.Extension).Order(StringComparer.Ordinal))
        {
            if (!long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                continue;
            }

            var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            var header = SegmentHeader.Read(file, out var isWhole);
            if (header is { } read && (read.Log != state.LogId || read.Number != number))
            {
                throw new InvalidDataException($"{path} is segment {read.Number} of log {read.Log:N}; it does not belong into this folder.");
            }

            if (!isWhole)
            {
                Report(DamageKind.Damaged, path, 0, SegmentHeader.Size, "A copy of the segment's header is damaged.", file);
            }

            _found.Add(new Found(number, path, file, header));
            state.NextSegment = number + 1;
        }
    }

    private void CheckList()
    {
        foreach (var number in _checkpoint.Segments.Except(_found.Select(found => found.Number)))
        {
            Report(DamageKind.Missing, Segment.PathOf(state.Folder, number), 0, 0, "The segment is gone, with all its records.");
        }

        foreach (var found in _found.Where(found => found.Header is { } header && header.Previous > _checkpoint.Segment && !_found.Exists(other => other.Number == header.Previous)))
        {
            Report(DamageKind.Missing, Segment.PathOf(state.Folder, found.Header!.Value.Previous), 0, 0, $"The segment is gone, with all its records; {Path.GetFileName(found.Path)} came after it.");
        }

        foreach (var ended in _found.Where(found => found.Number <= _checkpoint.Segment && !_checkpoint.Segments.Contains(found.Number)).ToArray())
        {
            ended.File.Dispose();
            File.Delete(ended.Path); // its retention had begun when the process ended
            _found.Remove(ended);
        }
    }

    /// <returns>Where a segment ends by the header of the next one that was written to; null: nobody knows, it may have a torn tail.</returns>
    private long? EndOf(int i)
    {
        if (_found[i].Header is { End: > 0 and var own })
        {
            return own;
        }

        foreach (var later in _found.Skip(i + 1))
        {
            if (later.Header is not { } header)
            {
                return null;
            }

            if (header.Previous == _found[i].Number)
            {
                return header.PreviousEnd;
            }

            if (header.Previous < _found[i].Number)
            {
                return SegmentHeader.Size; // begun, never written to: its start failed
            }

            return null;
        }

        return null;
    }

    private long Open(Found found, long? end, bool isLast)
    {
        var createdAt = found.Header?.CreatedAt ?? new DateTimeOffset(File.GetCreationTimeUtc(found.Path)).ToUnixTimeMilliseconds();
        var index = new MemoryIndex(state.Topics.All.Length);
        var segment = new Segment(state.Folder, found.Number, createdAt, index, state.Topics) { IsSealed = true };
        if (found.Number > _checkpoint.Segment || !segment.TryUseIndexFile())
        {
            Scan(found, segment, index, EndIn(found, end, isLast));
        }
        else if (RandomAccess.GetLength(found.File) is var length && length < segment.Last.End)
        {
            Report(DamageKind.Missing, found.Path, length, segment.Last.End - length, "The segment is shorter than its index says.");
        }

        state.Segments.Add(segment);
        return segment.Last.End;
    }

    private long EndIn(Found found, long? end, bool isLast)
    {
        var length = RandomAccess.GetLength(found.File);
        if (end > length)
        {
            Report(DamageKind.Missing, found.Path, length, end.Value - length, "The segment is shorter than it was when the next one was begun.");
        }

        return Math.Min(length, end ?? (isLast ? CutTail(found, length) : EndOfFrames(found, length)));
    }

    private static long EndOfFrames(Found found, long length)
    {
        var scanner = new FrameScanner(found.File, found.Number, SegmentHeader.Size, length);
        var end = (long)SegmentHeader.Size;
        while (scanner.MoveNext())
        {
            end = scanner.IsFrame ? scanner.Position + scanner.Length : end;
        }

        return end;
    }

    private void Scan(Found found, Segment segment, MemoryIndex index, long end)
    {
        File.Delete(segment.IndexPath);
        var scanner = new FrameScanner(found.File, found.Number, SegmentHeader.Size, end);
        var appendedAt = segment.CreatedAt;
        while (scanner.MoveNext())
        {
            if (!scanner.IsFrame)
            {
                Report(DamageKind.Damaged, found.Path, scanner.Position, scanner.Length, $"No frame can be read here, after sequence {_sequence}; positions in it are lost with it, and their groups read again from before.", found.File);
                continue;
            }

            if (!scanner.IsWhole)
            {
                Report(DamageKind.Damaged, found.Path, scanner.Position, scanner.Length, $"Frame {scanner.Header.Sequence} is damaged; its undamaged runs are kept.", found.File);
            }

            Apply(scanner, segment, index);
            appendedAt = scanner.Header.AppendedAt;
        }

        segment.Last = new FileIndex.Summary(_sequence, appendedAt, (uint)end);
    }

    /// <summary>Decides where the last segment ends: at the first damage that is not proven to have been durable.</summary>
    private long CutTail(Found found, long length)
    {
        Disk.Sync(found.File); // a killed process leaves its last write in the page cache: durable before it is believed
        var durable = state.Watermark.Value;
        var proof = new FrameScanner(found.File, found.Number, SegmentHeader.Size, length);
        while (proof.MoveNext())
        {
            durable = Math.Max(durable, proof.IsFrame ? proof.Header.Durable : 0);
        }

        var (last, end) = (_sequence, (long)SegmentHeader.Size);
        var scanner = new FrameScanner(found.File, found.Number, SegmentHeader.Size, length);
        while (scanner.MoveNext())
        {
            if (scanner.IsFrame && (scanner.IsWhole || scanner.Header.Sequence <= durable))
            {
                last = scanner.Header.Sequence;
                end = scanner.Position + scanner.Length;
                continue;
            }

            var isAtEnd = scanner.Position + scanner.Length == length;
            if (!scanner.IsFrame && last < durable && !isAtEnd)
            {
                continue; // damage with frames behind it: the second pass reports it
            }

            end = scanner.Position;
            if (!scanner.IsFrame && isAtEnd && last < durable)
            {
                Report(DamageKind.Missing, found.Path, end, scanner.Used(end, length) - end, $"Frames {last + 1} to {durable} were durable and cannot be read.", found.File);
            }
            else if (scanner.IsFrame || scanner.HasTraces())
            {
                Report(DamageKind.TornTail, found.Path, end, scanner.Used(end, length) - end, $"The last whole frame is {last}.", found.File);
            }

            break;
        }

        if (last < durable && end == length)
        {
            Report(DamageKind.Missing, found.Path, end, 0, $"Frames {last + 1} to {durable} were durable and are gone.");
        }

        RandomAccess.SetLength(found.File, end);
        Disk.Sync(found.File);
        state.Mark(Math.Max(last, durable));
        return end;
    }

    private void Apply(FrameScanner scanner, Segment segment, MemoryIndex index)
    {
        foreach (var (at, run) in scanner.Runs())
        {
            if (state.Topics.Find(run.Topic, run.Partition) is not { } partition)
            {
                continue;
            }

            if (run.First > partition.Assigned && _hasAllOffsets)
            {
                ReportLost(segment, scanner.Position, partition, run.First);
            }

            index.Add(partition.Index, run.First, run.Count, (uint)(scanner.Position + at), (uint)(RunHeader.Size + run.Bytes), segment.SecondsOf(run.AppendedAt));
            partition.Assigned = Math.Max(partition.Assigned, run.First + run.Count);
        }

        if (scanner.Header.Sequence > _checkpoint.Sequence && scanner.Positions() is { } positions)
        {
            Apply(positions);
        }

        _sequence = Math.Max(_sequence, scanner.Header.Sequence);
        state.LastAppendedAt = Math.Max(state.LastAppendedAt, scanner.Header.AppendedAt);
    }

    private void Apply(IReadOnlyList<PositionEntry> positions)
    {
        foreach (var (group, topic, number, position) in positions)
        {
            if (state.Topics.Find(topic, number) is { } partition)
            {
                state.Positions[(group, partition.Index)] = position;
            }
        }
    }

    private void Finish()
    {
        foreach (var ((_, partition), position) in state.Positions)
        {
            // An offset that a group has passed is never given out again, even if its record was lost: the group would not see the new one.
            var highest = position.Above.IsEmpty ? position.Next : position.Above[^1].Offset + 1;
            state.Topics.All[partition].Assigned = Math.Max(state.Topics.All[partition].Assigned, highest);
        }

        foreach (var partition in state.Topics.All)
        {
            partition.Publish();
        }

        state.Sequence = Math.Max(_sequence, state.Watermark.Value);
    }

    private void ReportLost(Segment segment, long position, PartitionState partition, long first) => state.Damages.Add(
        new Damage(time.GetUtcNow(), DamageKind.Missing, Path.GetFileName(segment.Path), position, 0,
            $"Records {partition.Assigned} to {first - 1} of {partition.Id.Topic}/{partition.Id.Partition} were in what is damaged before this point.")
        {
            Partition = partition.Id, FirstOffset = partition.Assigned, EndOffset = first,
        },
        null);

    private void Report(DamageKind kind, string path, long position, long bytes, string detail, SafeFileHandle? file = null) =>
        state.Damages.Add(new Damage(time.GetUtcNow(), kind, Path.GetFileName(path), position, bytes, detail), file);

    private readonly record struct Found(long Number, string Path, SafeFileHandle File, SegmentHeader? Header);
}
