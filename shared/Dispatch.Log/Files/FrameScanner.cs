using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// Walks over the frames of a segment, checking every checksum. Where no frame begins it looks for the mark of the next one, and gives what lies between as a gap:
/// nothing is passed over unseen.
/// </summary>
sealed class FrameScanner(SafeFileHandle file, long segment, long from, long end)
{
    private byte[] _buffer = new byte[1024 * 1024];
    private long _bufferAt;
    private int _buffered;
    private long _next = from;

    /// <summary>Of the frame or gap.</summary>
    public long Position { get; private set; }

    public long Length { get; private set; }

    /// <summary>False: a gap.</summary>
    public bool IsFrame { get; private set; }

    /// <summary>Every checksum in the frame is right.</summary>
    public bool IsWhole { get; private set; }

    public FrameHeader Header { get; private set; }

    /// <summary>The frame's bytes, until the next move.</summary>
    public ReadOnlySpan<byte> Frame => Window(Position, (int)Length);

    public bool MoveNext()
    {
        Position = _next;
        if (Position >= end)
        {
            return false;
        }

        IsFrame = FrameHeader.TryRead(Window(Position, FrameHeader.Size), segment, out var header) && Position + header.Length <= end;
        if (IsFrame)
        {
            (Header, Length) = (header, header.Length);
            IsWhole = IsWholeFrame(Frame);
        }
        else
        {
            (Length, IsWhole) = (FindFrame(Position + 1) - Position, false);
        }

        _next = Position + Length;
        return true;
    }

    /// <summary>Whether somebody began to write a frame of this segment somewhere in the gap: what is left there otherwise is zeros or what a recycled file held.</summary>
    public bool HasTraces()
    {
        Span<byte> mark = stackalloc byte[8];
        Mark(mark);
        for (var at = Position; at < Position + Length; at += _buffer.Length - mark.Length)
        {
            var window = Window(at, (int)Math.Min(_buffer.Length, Position + Length - at));
            if (window.IndexOf(mark) >= 0 || (at == Position && window.Length is > 0 and < 8 && mark.StartsWith(window)))
            {
                return true;
            }
        }

        return false;
    }

    /// <returns>The byte behind the last between the two that is not zero.</returns>
    public long Used(long start, long stop)
    {
        while (stop > start)
        {
            var at = Math.Max(start, stop - _buffer.Length);
            var last = Window(at, (int)(stop - at)).LastIndexOfAnyExcept((byte)0);
            if (last >= 0)
            {
                return at + last + 1;
            }

            stop = at;
        }

        return start;
    }

    /// <summary>The frame's runs as far as they are undamaged: (position in the frame, header).</summary>
    public IEnumerable<(int At, RunHeader Run)> Runs()
    {
        var at = FrameHeader.Size;
        for (var i = 0; i < Header.Runs && RunHeader.TryRead(Frame[at..], segment, out var run) && at + RunHeader.Size + run.Bytes <= Length; i++)
        {
            if (Crc.Of(Frame.Slice(at + RunHeader.Size, run.Bytes)) == run.RecordsCrc)
            {
                yield return (at, run);
            }

            at += RunHeader.Size + run.Bytes;
        }
    }

    /// <returns>Null: damaged.</returns>
    public PositionEntry[]? Positions() => Header.PositionBytes == 0 ? [] : PositionCodec.Decode(Frame[^Header.PositionBytes..]);

    private bool IsWholeFrame(ReadOnlySpan<byte> frame)
    {
        var at = FrameHeader.Size;
        for (var i = 0; i < Header.Runs; i++)
        {
            if (!RunHeader.TryRead(frame[at..], segment, out var run) || at + RunHeader.Size + run.Bytes > frame.Length
                || Crc.Of(frame.Slice(at + RunHeader.Size, run.Bytes)) != run.RecordsCrc)
            {
                return false;
            }

            at += RunHeader.Size + run.Bytes;
        }

        return at + Header.PositionBytes == frame.Length && Positions() is not null;
    }

    private long FindFrame(long at)
    {
        Span<byte> mark = stackalloc byte[8];
        Mark(mark);
        while (at < end)
        {
            var window = Window(at, (int)Math.Min(_buffer.Length, end - at));
            var found = window.IndexOf(mark);
            if (found < 0)
            {
                at += Math.Max(1, window.Length - mark.Length + 1);
                continue;
            }

            at += found;
            if (FrameHeader.TryRead(Window(at, FrameHeader.Size), segment, out var header) && at + header.Length <= end)
            {
                return at;
            }

            at++;
        }

        return end;
    }

    private void Mark(Span<byte> mark)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(mark, FrameHeader.Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(mark[4..], (uint)segment);
    }

    private ReadOnlySpan<byte> Window(long at, int bytes)
    {
        bytes = (int)Math.Min(bytes, end - at);
        if (at < _bufferAt || at + bytes > _bufferAt + _buffered)
        {
            if (bytes > _buffer.Length)
            {
                _buffer = new byte[bytes];
            }

            _bufferAt = at;
            _buffered = Disk.Read(file, _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, end - at)), at);
        }

        return _buffer.AsSpan((int)(at - _bufferAt), Math.Min(bytes, _buffered - (int)(at - _bufferAt)));
    }
}
