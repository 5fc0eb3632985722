using System.Buffers.Binary;

namespace Dispatch.Log.Files;

enum FrameType : byte
{
    /// <summary>Records only.</summary>
    Append = 1,

    /// <summary>The end of a hop: records, if any, and one position.</summary>
    Commit = 2,

    /// <summary>The first positions of a group.</summary>
    Declare = 3,
}

/// <summary>
/// A frame is what becomes durable together: this header, then runs (each a <see cref="RunHeader"/> and its records), then positions.
/// It begins with a mark that does not occur by chance, so that a reader finds the next frame behind a damaged one, and with its segment's number,
/// so that what a recycled file held before is never taken for new.
/// </summary>
/// <param name="Sequence">Frames are numbered from 1 over all segments.</param>
/// <param name="Durable">The highest sequence that was known to be on the disk when this frame was written: damage at or below it is damage, above it a torn tail.</param>
/// <param name="Length">Of the whole frame, header included.</param>
/// <param name="PositionBytes">At the frame's end; 0: it carries no positions.</param>
readonly record struct FrameHeader(FrameType Type, long Sequence, long Durable, long AppendedAt, int Length, int Runs, int PositionBytes)
{
    public const int Size = 48;
    public const uint Mark = 0xC4A75BD1;
    public const int LengthMax = 256 * 1024 * 1024;

    private const int CrcAt = 44;

    public void Write(Span<byte> to, long segment)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], (uint)segment);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], Durable);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], AppendedAt);
        BinaryPrimitives.WriteInt32LittleEndian(to[32..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(to[36..], (ushort)Runs);
        to[38] = (byte)Type;
        to[39] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(to[40..], PositionBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[CrcAt..], Crc.Of(to[..CrcAt]));
    }

    /// <returns>False: no frame of this segment begins here, or its header is damaged.</returns>
    public static bool TryRead(ReadOnlySpan<byte> from, long segment, out FrameHeader header)
    {
        header = default;
        if (!IsMarked(from, segment) || from.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(from[CrcAt..]) != Crc.Of(from[..CrcAt]))
        {
            return false;
        }

        header = new FrameHeader(
            (FrameType)from[38],
            BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[32..]),
            BinaryPrimitives.ReadUInt16LittleEndian(from[36..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[40..]));
        return header.Length >= Size && header.PositionBytes >= 0;
    }

    /// <summary>Whether somebody began to write a frame of this segment here, whatever became of it.</summary>
    public static bool IsMarked(ReadOnlySpan<byte> from, long segment) =>
        from.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(from) == Mark && BinaryPrimitives.ReadUInt32LittleEndian(from[4..]) == (uint)segment;
}
