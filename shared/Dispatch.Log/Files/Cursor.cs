using System.Buffers;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// Reads one partition forward, through the index, from the page cache or the disk: nothing of the log is held in memory.
/// Every run is checked before its records are given out. A damaged one is reported, and exactly its records are passed over; an error of the disk is thrown, and nothing is.
/// </summary>
sealed class Cursor(LogState state, PartitionState partition, ILogger log, TimeProvider time) : IDisposable
{
    private const int ReadMax = 64 * 1024;
    private const int GapMax = 4 * 1024;

    private readonly Run[] _runs = new Run[64];
    private Segment? _segment;
    private SafeFileHandle? _file;
    private long _first;
    private int _nextRun;
    private int _count;
    private int _at;

    /// <returns>The offset of the first record appended at or after the time, or one at most a second earlier; the end if there is none.</returns>
    public long Seek(DateTimeOffset since)
    {
        var from = since.ToUnixTimeMilliseconds();
        while (state.Segments.FindTime(partition.Index, from) is { } segment)
        {
            if (!TryEnter(segment))
            {
                continue;
            }

            _nextRun = segment.Index.FindTime(partition.Index, segment.SecondsOf(from));
            return TryLoad() ? _first + _runs[0].Offset : partition.End;
        }

        return partition.End;
    }

    /// <param name="offset">Where to go on; moved behind what was read or passed over.</param>
    /// <param name="end">Nothing at or above is read.</param>
    /// <param name="marks">Ascending; these offsets are left out.</param>
    /// <returns>Null: nothing but what is left out, up to the end.</returns>
    /// <exception cref="IOException">The disk did not give what it has; try again.</exception>
    public Batch? Read(ref long offset, long end, ImmutableArray<Mark> marks, int countMax, int bytesMax)
    {
        var entries = new List<Entry>();
        var bytes = 0;
        var window = new Window(ArrayPool<byte>.Shared.Rent(ReadMax));
        try
        {
            while (offset < end && entries.Count < countMax && bytes < bytesMax)
            {
                if (!TryFind(offset))
                {
                    PassOver(ref offset, end);
                    break;
                }

                var run = _runs[_at];
                var first = _first + run.Offset;
                if (first >= end)
                {
                    PassOver(ref offset, end);
                    break;
                }

                if (first > offset)
                {
                    PassOver(ref offset, first);
                }

                if (Load(run, first, window) is not { } header)
                {
                    var next = NextFirst();
                    Damaged(run, first, next);
                    PassOver(ref offset, next);
                    _at++;
                }
                else if (Take(header, window.Of(run), ref offset, marks, entries, countMax, bytesMax, ref bytes))
                {
                    _at++;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window.Buffer);
        }

        return entries.Count > 0 ? new Batch(entries, offset) : null;
    }

    public void Dispose() => Leave();

    /// <returns>False: the batch is full before the end of the run.</returns>
    private static bool Take(RunHeader header, ReadOnlySpan<byte> run, ref long offset, ImmutableArray<Mark> marks, List<Entry> entries, int countMax, int bytesMax, ref int bytes)
    {
        var appendedAt = DateTimeOffset.FromUnixTimeMilliseconds(header.AppendedAt);
        var memory = run[RunHeader.Size..].ToArray(); // small arrays of their own, so that one slow record never keeps a large buffer alive
        var at = 0;
        for (var number = header.First; number < header.First + header.Count; number++)
        {
            var length = RecordCodec.LengthAt(memory.AsSpan(at));
            if (number >= offset)
            {
                if (entries.Count > 0 && (entries.Count == countMax || bytes + length > bytesMax))
                {
                    bytes = bytesMax;
                    return false;
                }

                if (!marks.Has(number))
                {
                    entries.Add(RecordCodec.Read(memory.AsMemory(at, length), number, appendedAt));
                    bytes += length;
                }

                offset = number + 1;
            }

            at += length;
        }

        return true;
    }

    /// <summary>Goes to the run that has the offset, or the first one above it.</summary>
    private bool TryFind(long offset)
    {
        if (_segment is not null && (_at < _count || TryLoad()))
        {
            return true;
        }

        while (state.Segments.Find(partition.Index, offset, _segment) is { } segment)
        {
            if (TryEnter(segment))
            {
                _nextRun = segment.Index.FindOffset(partition.Index, offset);
                return TryLoad();
            }
        }

        return false;
    }

    private bool TryLoad()
    {
        _count = _segment!.Index.Copy(partition.Index, _nextRun, _runs);
        _nextRun += _count;
        _at = 0;
        return _count > 0;
    }

    private bool TryEnter(Segment segment)
    {
        Leave();
        if (segment.Rent() is not { } file)
        {
            return false; // it went while we looked; the table does not have it any more
        }

        (_segment, _file) = (segment, file);
        segment.Index.TryRange(partition.Index, out _first, out _);
        return true;
    }

    private void Leave()
    {
        _segment?.Return();
        (_segment, _file, _count, _at) = (null, null, 0, 0);
    }

    /// <returns>The run's header once its bytes, in the window now, were found right; null: damaged.</returns>
    private RunHeader? Load(Run run, long first, Window window)
    {
        for (var attempt = 0; attempt < 2; attempt++)
        {
            if (attempt > 0 || !window.Has(run))
            {
                window.Fill(_file!, run.Position, Together());
            }

            if (window.Has(run) && RunHeader.TryRead(window.Of(run), _segment!.Number, out var header)
                && header.First == first && header.Partition == partition.Id.Partition && header.Topic == partition.TopicId
                && header.Bytes + RunHeader.Size == run.Bytes && Crc.Of(window.Of(run)[RunHeader.Size..]) == header.RecordsCrc)
            {
                return header;
            }
        }

        return null;
    }

    /// <returns>How many bytes to read at once: up to the last of the runs at hand that stands close by.</returns>
    private int Together()
    {
        var from = _runs[_at].Position;
        var end = from + _runs[_at].Bytes;
        for (var i = _at + 1; i < _count && _runs[i].Position <= end + GapMax && _runs[i].Position + _runs[i].Bytes <= from + ReadMax; i++)
        {
            end = _runs[i].Position + _runs[i].Bytes;
        }

        return (int)(end - from);
    }

    private long NextFirst()
    {
        if (_at + 1 < _count)
        {
            return _first + _runs[_at + 1].Offset;
        }

        Span<Run> next = stackalloc Run[1];
        _segment!.Index.TryRange(partition.Index, out _, out var end);
        return _segment.Index.Copy(partition.Index, _nextRun, next) > 0 ? _first + next[0].Offset : end;
    }

    private void Damaged(Run run, long first, long next) => state.Damages.Add(
        new Damage(time.GetUtcNow(), DamageKind.Damaged, Path.GetFileName(_segment!.Path), run.Position, run.Bytes,
            $"Records {first} to {next - 1} of {partition.Id.Topic}/{partition.Id.Partition} cannot be read; readers pass over them.")
        {
            Partition = partition.Id, FirstOffset = first, EndOffset = next,
        },
        _file);

    private void PassOver(ref long offset, long next)
    {
        if (next > offset)
        {
            log.Skipped(offset, next - 1, partition.Id.Topic, partition.Id.Partition);
            Telemetry.Skipped.Add(next - offset, Telemetry.Destination(partition.Id.Topic));
            offset = next;
        }
    }

    /// <summary>A piece of the segment in a pooled buffer.</summary>
    private sealed class Window(byte[] buffer)
    {
        private long _at;
        private int _length;

        public byte[] Buffer { get; private set; } = buffer;

        public bool Has(Run run) => run.Position >= _at && run.Position + run.Bytes <= _at + _length;

        public ReadOnlySpan<byte> Of(Run run) => Buffer.AsSpan((int)(run.Position - _at), (int)run.Bytes);

        public void Fill(SafeFileHandle file, long at, int bytes)
        {
            if (bytes > Buffer.Length)
            {
                ArrayPool<byte>.Shared.Return(Buffer);
                Buffer = ArrayPool<byte>.Shared.Rent(bytes);
            }

            _at = at;
            _length = Disk.Read(file, Buffer.AsSpan(0, bytes), at);
        }
    }
}
