namespace Dispatch.Sandbox.Http2;

/// <summary>
/// RFC 7541. One for each connection; every header block must pass through it, in order, also those of refused streams, or the tables of both ends part ways.
/// What is wrong in a block ends the connection with COMPRESSION_ERROR.
/// </summary>
sealed class HpackDecoder
{
    /// <summary>What a client may use until SETTINGS say otherwise; ours never do.</summary>
    public const int TableSizeDefault = 4096;

    readonly List<HeaderField> entries = []; // the newest last: index 62 on the wire
    int first;                               // of the list; what stands before it was evicted
    readonly int tableSizeMax;
    int size;
    int sizeMax; // what the client chose below it
    byte[] nameScratch = new byte[256];
    byte[] valueScratch = new byte[1024];

    public HpackDecoder(int tableSizeMax = TableSizeDefault) => (this.tableSizeMax, sizeMax) = (tableSizeMax, tableSizeMax);

    public void Decode(ReadOnlySpan<byte> block, HeaderStore to)
    {
        var at = 0;
        var fields = 0;
        while (at < block.Length)
        {
            var octet = block[at];
            if ((octet & 0x80) != 0)
            {
                var field = Entry(Integer(block, ref at, 7));
                to.Add(field.Name, field.Value);
            }
            else if ((octet & 0xE0) == 0x20)
            {
                Resize(fields, Integer(block, ref at, 5));
                continue;
            }
            else
            {
                var insert = (octet & 0x40) != 0;
                var index = Integer(block, ref at, insert ? 6 : 4);
                var name = index == 0 ? Text(block, ref at, ref nameScratch) : Entry(index).Name;
                var value = Text(block, ref at, ref valueScratch);
                to.Add(name, value);
                if (insert)
                {
                    Insert(new HeaderField(name, value));
                }
            }

            fields++;
        }
    }

    /// <summary>Octets in use by the dynamic table, as the RFC counts them.</summary>
    public int TableSize => size;

    HeaderField Entry(int index)
    {
        if (index is > 0 and <= StaticTable.Count)
        {
            return StaticTable.At(index);
        }

        var at = entries.Count - (index - StaticTable.Count);
        return index != 0 && at >= first ? entries[at] : throw Broken("index outside the tables");
    }

    void Insert(HeaderField field)
    {
        Evict(sizeMax - field.Size);
        if (field.Size <= sizeMax)
        {
            entries.Add(field);
            size += field.Size;
        }
    }

    void Resize(int fieldsBefore, int octets)
    {
        if (fieldsBefore > 0 || octets > tableSizeMax)
        {
            throw Broken("table size update out of place or above the limit");
        }

        sizeMax = octets;
        Evict(octets);
    }

    void Evict(int downTo)
    {
        while (size > Math.Max(downTo, 0))
        {
            size -= entries[first].Size;
            entries[first++] = default;
        }

        if (first > 256) // evicted places pile up at the front; moving the rest seldom costs less than a ring costs to read
        {
            entries.RemoveRange(0, first);
            first = 0;
        }
    }

    static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> block, ref int at, ref byte[] scratch)
    {
        var huffman = at < block.Length && (block[at] & 0x80) != 0;
        var length = Integer(block, ref at, 7);
        if (length > block.Length - at)
        {
            throw Broken("string longer than its block");
        }

        var text = block.Slice(at, length);
        at += length;
        if (!huffman)
        {
            return text;
        }

        if (scratch.Length < length * 8 / 5 + 1)
        {
            scratch = new byte[length * 2];
        }

        return scratch.AsSpan(0, Huffman.Decode(text, scratch));
    }

    static int Integer(ReadOnlySpan<byte> block, ref int at, int prefixBits)
    {
        if (at >= block.Length)
        {
            throw Broken("block ends inside a field");
        }

        var mask = (1 << prefixBits) - 1;
        var value = block[at++] & mask;
        if (value < mask)
        {
            return value;
        }

        for (var shift = 0; shift <= 21; shift += 7) // 28 bits are more than any block that is let in
        {
            if (at >= block.Length)
            {
                break;
            }

            var octet = block[at++];
            value += (octet & 0x7F) << shift;
            if ((octet & 0x80) == 0)
            {
                return value;
            }
        }

        throw Broken("integer too long");
    }

    static Http2Exception Broken(string what) => new(Http2Error.CompressionError, what);
}
