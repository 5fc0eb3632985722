using System.Buffers.Text;

namespace Dispatch.Sandbox.Http2;

/// <summary>Writes answers without the dynamic table and without Huffman: a few octets more, nothing to keep, and blocks that never change can be made once.</summary>
static class HpackWriter
{
    public static void Status(ByteBuffer to, int status)
    {
        var indexed = status switch { 200 => 8, 204 => 9, 206 => 10, 304 => 11, 400 => 12, 404 => 13, 500 => 14, _ => 0 };
        if (indexed != 0)
        {
            to.Append((byte)(0x80 | indexed));
            return;
        }

        to.Append(0x08); // literal, not indexed, name from entry 8, ":status"
        to.Append(3);
        Utf8Formatter.TryFormat(status, to.Take(3), out _);
    }

    public static void Field(ByteBuffer to, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        to.Append(0x00);
        Length(to, name.Length);
        to.Append(name);
        Length(to, value.Length);
        to.Append(value);
    }

    static void Length(ByteBuffer to, int length)
    {
        if (length < 0x7F)
        {
            to.Append((byte)length);
            return;
        }

        to.Append(0x7F);
        for (length -= 0x7F; length >= 0x80; length >>= 7)
        {
            to.Append((byte)(length | 0x80));
        }

        to.Append((byte)length);
    }
}
