using System.Buffers.Text;
using System.Text;

namespace Dispatch.Push.Http2;

/// <summary>What we want of an answer's header fields; all others are read past.</summary>
struct Http2Head
{
    public int Status;
    public string RetryAfter;

    public static bool Wants(ReadOnlySpan<byte> name) => name.SequenceEqual(":status"u8) || name.SequenceEqual("retry-after"u8);

    public void Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual(":status"u8))
        {
            Http2Exception.ThrowIf(!Utf8Parser.TryParse(value, out int status, out var read) || read != 3 || value.Length != 3, ErrorCode.ProtocolError, "status is no number");
            Status = status;
        }
        else if (name.SequenceEqual("retry-after"u8))
        {
            RetryAfter = Encoding.ASCII.GetString(value);
        }
    }
}

/// <summary>
/// Reads header blocks, which come in the order of the connection, because each may change the table of the next.
/// A value that nobody wants, and that does not go into the table, is never unpacked. Source: RFC 7541, section 6.
/// </summary>
sealed class HpackDecoder
{
    private readonly HpackTable table = new();
    private byte[] nameScratch = new byte[256];
    private byte[] valueScratch = new byte[1_024];

    public void Decode(ReadOnlySpan<byte> block, ref Http2Head head)
    {
        while (!block.IsEmpty)
        {
            var first = block[0];
            if ((first & 0x80) != 0)
            {
                var field = table[Integer(ref block, 7)];
                head.Take(field.Name, field.Value);
            }
            else if ((first & 0xC0) == 0x40)
            {
                Literal(ref block, Integer(ref block, 6), indexed: true, ref head);
            }
            else if ((first & 0xE0) == 0x20)
            {
                table.Resize(Integer(ref block, 5));
            }
            else
            {
                Literal(ref block, Integer(ref block, 4), indexed: false, ref head);
            }
        }
    }

    private void Literal(ref ReadOnlySpan<byte> block, int nameIndex, bool indexed, ref Http2Head head)
    {
        var name = nameIndex > 0 ? table[nameIndex].Name : Text(ref block, ref nameScratch);
        if (!indexed && !Http2Head.Wants(name))
        {
            Raw(ref block, out _);
            return;
        }

        var value = Text(ref block, ref valueScratch);
        head.Take(name, value);
        if (indexed)
        {
            table.Add(new HpackField(name.ToArray(), value.ToArray()));
        }
    }

    private static ReadOnlySpan<byte> Text(ref ReadOnlySpan<byte> block, ref byte[] scratch)
    {
        var raw = Raw(ref block, out var packed);
        if (!packed)
        {
            return raw;
        }

        if (scratch.Length < Huffman.DecodedMax(raw.Length))
        {
            scratch = new byte[Huffman.DecodedMax(raw.Length)];
        }

        return scratch.AsSpan(0, Huffman.Decode(raw, scratch));
    }

    private static ReadOnlySpan<byte> Raw(ref ReadOnlySpan<byte> block, out bool packed)
    {
        Http2Exception.ThrowIf(block.IsEmpty, ErrorCode.CompressionError, "string is missing");
        packed = (block[0] & 0x80) != 0;
        var length = Integer(ref block, 7);
        Http2Exception.ThrowIf(length > block.Length, ErrorCode.CompressionError, "string longer than its block");
        var raw = block[..length];
        block = block[length..];
        return raw;
    }

    /// <summary>Source: RFC 7541, section 5.1. More than four continuation bytes is more than any field here can have.</summary>
    private static int Integer(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var prefix = (1 << prefixBits) - 1;
        var value = block[0] & prefix;
        block = block[1..];
        for (var shift = 0; value >= prefix; shift += 7)
        {
            Http2Exception.ThrowIf(block.IsEmpty || shift > 21, ErrorCode.CompressionError, "integer has no end");
            var octet = block[0];
            block = block[1..];
            value += (octet & 0x7F) << shift;
            if ((octet & 0x80) == 0)
            {
                break;
            }
        }

        return value;
    }
}
