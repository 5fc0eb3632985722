using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Dispatch.Log.Files;

/// <summary>A group's position in a partition, as frames and checkpoints carry it.</summary>
readonly record struct PositionEntry(string Group, int Topic, int Partition, Position Position);

/// <summary>Positions as bytes: CRC32C (4), number (2), then each: group, topic (2), partition (2), next (8), marks (4), and per mark the distance to the one before with the kind as lowest bit.</summary>
static class PositionCodec
{
    public static byte[] Encode(IReadOnlyCollection<PositionEntry> entries)
    {
        var to = new ArrayBufferWriter<byte>();
        Write(to, 0u);
        WriteShort(to, entries.Count);
        foreach (var (group, topic, partition, position) in entries)
        {
            var name = Encoding.UTF8.GetBytes(group);
            WriteShort(to, name.Length);
            to.Write(name);
            WriteShort(to, topic);
            WriteShort(to, partition);
            BinaryPrimitives.WriteInt64LittleEndian(to.GetSpan(8), position.Next);
            to.Advance(8);
            Write(to, (uint)position.Above.Length);
            var last = position.Next;
            foreach (var mark in position.Above)
            {
                WriteVarint(to, ((ulong)(mark.Offset - last) << 1) | (mark.Kind == MarkKind.Kept ? 1u : 0u));
                last = mark.Offset;
            }
        }

        var bytes = to.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc.Of(bytes.AsSpan(4)));
        return bytes;
    }

    /// <returns>Null when the bytes are not what was written.</returns>
    public static PositionEntry[]? Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 6 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc.Of(bytes[4..]))
        {
            return null;
        }

        var entries = new PositionEntry[BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..])];
        bytes = bytes[6..];
        for (var i = 0; i < entries.Length; i++)
        {
            var name = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            var group = Encoding.UTF8.GetString(bytes.Slice(2, name));
            bytes = bytes[(2 + name)..];
            var next = BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]);
            var above = new Mark[BinaryPrimitives.ReadInt32LittleEndian(bytes[12..])];
            var (topic, partition) = (BinaryPrimitives.ReadUInt16LittleEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]));
            bytes = bytes[16..];
            var last = next;
            for (var m = 0; m < above.Length; m++)
            {
                var mark = ReadVarint(ref bytes);
                last += (long)(mark >> 1);
                above[m] = new Mark(last, (mark & 1) != 0 ? MarkKind.Kept : MarkKind.Done);
            }

            entries[i] = new PositionEntry(group, topic, partition, new Position(next, ImmutableArray.Create(above)));
        }

        return entries;
    }

    private static void WriteShort(ArrayBufferWriter<byte> to, int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to.GetSpan(2), checked((ushort)value));
        to.Advance(2);
    }

    private static void Write(ArrayBufferWriter<byte> to, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static void WriteVarint(ArrayBufferWriter<byte> to, ulong value)
    {
        var span = to.GetSpan(10);
        var at = 0;
        for (; value >= 0x80; value >>= 7)
        {
            span[at++] = (byte)(value | 0x80);
        }

        span[at++] = (byte)value;
        to.Advance(at);
    }

    private static ulong ReadVarint(ref ReadOnlySpan<byte> from)
    {
        var value = 0ul;
        for (var shift = 0; ; shift += 7)
        {
            var b = from[0];
            from = from[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
    }
}
