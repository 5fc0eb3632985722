namespace Dispatch.Sandbox.Http2;

/// <summary>
/// Decodes four bits a step by a table of states, one for each inner node of the code's tree. The shortest code has five bits, so a step gives one octet at most.
/// </summary>
static class Huffman
{
    const short Dead = -1;

    static readonly short[] Next = new short[256 * 16];
    static readonly short[] Octet = new short[256 * 16]; // -1: none in this step
    static readonly bool[] MayEnd = new bool[256];       // the bits since the last octet are a prefix of the end of string, at most seven

    static Huffman()
    {
        var children = BuildTree();
        MarkEnds(children);
        for (var state = 0; state < 256; state++)
        {
            for (var bits = 0; bits < 16; bits++)
            {
                Fill(children, state, bits);
            }
        }
    }

    /// <returns>How many octets were written to <paramref name="to"/>, which has room for 8/5 of the input.</returns>
    public static int Decode(ReadOnlySpan<byte> code, Span<byte> to)
    {
        var state = 0;
        var written = 0;
        foreach (var octet in code)
        {
            Step(octet >> 4, to, ref state, ref written);
            Step(octet & 15, to, ref state, ref written);
        }

        return MayEnd[state] ? written : throw new Http2Exception(Http2Error.CompressionError, "Huffman padding is not a prefix of the end of string");
    }

    static void Step(int bits, Span<byte> to, ref int state, ref int written)
    {
        var at = (state << 4) | bits;
        if (Next[at] == Dead)
        {
            throw new Http2Exception(Http2Error.CompressionError, "Huffman code of the end of string");
        }

        if (Octet[at] >= 0)
        {
            to[written++] = (byte)Octet[at];
        }

        state = Next[at];
    }

    /// <summary>Two children a node: an inner node's number, or minus (symbol + 1).</summary>
    static int[] BuildTree()
    {
        var children = new int[256 * 2];
        var nodes = 1;
        for (var symbol = 0; symbol <= HuffmanCode.EndOfString; symbol++)
        {
            var node = 0;
            for (var bit = HuffmanCode.Lengths[symbol] - 1; bit > 0; bit--)
            {
                ref var child = ref children[(node << 1) | (int)((HuffmanCode.Codes[symbol] >> bit) & 1)];
                child = child == 0 ? nodes++ : child;
                node = child;
            }

            children[(node << 1) | (int)(HuffmanCode.Codes[symbol] & 1)] = -(symbol + 1);
        }

        return children;
    }

    static void MarkEnds(int[] children)
    {
        var node = 0;
        for (var ones = 0; ones <= 7; ones++)
        {
            MayEnd[node] = true;
            node = children[(node << 1) | 1];
        }
    }

    static void Fill(int[] children, int state, int bits)
    {
        var (node, octet) = (state, -1);
        for (var bit = 3; bit >= 0; bit--)
        {
            node = children[(node << 1) | ((bits >> bit) & 1)];
            if (node < 0)
            {
                (octet, node) = (-node - 1, 0);
            }
        }

        var ended = octet == HuffmanCode.EndOfString;
        Next[(state << 4) | bits] = ended ? Dead : (short)node;
        Octet[(state << 4) | bits] = ended ? (short)-1 : (short)octet;
    }
}
