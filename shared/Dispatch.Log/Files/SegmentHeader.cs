using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// The first block of a segment's file, written twice and synced before the file gets its name. It says where the segment before it ended:
/// what stands behind that point in a file whose sync failed was never acknowledged, and by this header never will be read.
/// </summary>
/// <param name="PreviousEnd">The byte behind the last frame of the segment before; 0: there is none.</param>
/// <param name="End">Only in a segment that was thinned: where it ends itself; else 0.</param>
readonly record struct SegmentHeader(long Number, Guid Log, long CreatedAt, long FirstSequence, long Previous, long PreviousEnd, long End = 0)
{
    /// <summary>Where the first frame stands.</summary>
    public const int Size = 8192;

    private const int Copy = 4096; // copies in blocks of their own: one bad sector leaves the other
    private const ulong Magic = 0x31304C4150534944; // "DISPAL01"
    private const int CrcAt = 72;
    private const int Used = CrcAt + 4;

    public void Write(SafeFileHandle file)
    {
        var block = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(block, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(8), Number);
        Log.TryWriteBytes(block.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(32), CreatedAt);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(40), FirstSequence);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(48), Previous);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(56), PreviousEnd);
        BinaryPrimitives.WriteInt64LittleEndian(block.AsSpan(64), End);
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(CrcAt), Crc.Of(block.AsSpan(0, CrcAt)));
        block.AsSpan(0, Used).CopyTo(block.AsSpan(Copy));
        RandomAccess.Write(file, block, 0);
    }

    /// <param name="isWhole">false: one of the two copies is damaged</param>
    public static SegmentHeader? Read(SafeFileHandle file, out bool isWhole)
    {
        Span<byte> block = stackalloc byte[Used];
        SegmentHeader? found = null;
        isWhole = true;
        for (var at = 0; at < Size; at += Copy)
        {
            if (Disk.Read(file, block, at) == Used && BinaryPrimitives.ReadUInt64LittleEndian(block) == Magic
                && BinaryPrimitives.ReadUInt32LittleEndian(block[CrcAt..]) == Crc.Of(block[..CrcAt]))
            {
                found = new SegmentHeader(
                    BinaryPrimitives.ReadInt64LittleEndian(block[8..]), new Guid(block.Slice(16, 16)), BinaryPrimitives.ReadInt64LittleEndian(block[32..]),
                    BinaryPrimitives.ReadInt64LittleEndian(block[40..]), BinaryPrimitives.ReadInt64LittleEndian(block[48..]), BinaryPrimitives.ReadInt64LittleEndian(block[56..]),
                    BinaryPrimitives.ReadInt64LittleEndian(block[64..]));
            }
            else
            {
                isWhole = false;
            }
        }

        return found;
    }
}
