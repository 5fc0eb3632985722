using System.Buffers.Binary;

namespace Dispatch.Log.Files;

/// <summary>
/// Records of one partition that stand together in a frame. It carries all that a reader needs, so that one who follows the index
/// reads and checks the run alone, not the frame around it.
/// </summary>
/// <param name="Bytes">Of the records behind the header.</param>
readonly record struct RunHeader(int Topic, int Partition, int Count, long First, int Bytes, uint RecordsCrc, long AppendedAt)
{
    public const int Size = 36;

    /// <summary>A run is cut here, so that reading one never needs a buffer of the large object heap, save for a single larger record.</summary>
    public const int BytesSoftMax = 48 * 1024;

    private const int CrcAt = 32;

    public void Write(Span<byte> to, long segment)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, (ushort)Topic);
        BinaryPrimitives.WriteUInt16LittleEndian(to[2..], (ushort)Partition);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], Count);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], First);
        BinaryPrimitives.WriteInt32LittleEndian(to[16..], Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[20..], RecordsCrc);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], AppendedAt);
        BinaryPrimitives.WriteUInt32LittleEndian(to[CrcAt..], Crc.Of(to[..CrcAt], (uint)segment));
    }

    public static bool TryRead(ReadOnlySpan<byte> from, long segment, out RunHeader header)
    {
        header = default;
        if (from.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(from[CrcAt..]) != Crc.Of(from[..CrcAt], (uint)segment))
        {
            return false;
        }

        header = new RunHeader(
            BinaryPrimitives.ReadUInt16LittleEndian(from),
            BinaryPrimitives.ReadUInt16LittleEndian(from[2..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[4..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]));
        return header is { Bytes: >= 0, Count: > 0 };
    }
}
