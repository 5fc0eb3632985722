namespace Dispatch.Push.Http2;

/// <summary>
/// Reads HPACK's Huffman strings. The code is canonical (codes of a length follow one another in the order of their symbols), so the lengths say all.
/// We never write it: it would save a few bytes of a token that the peer has to unpack again. Source: RFC 7541, section 5.2 and appendix B.
/// </summary>
static class Huffman
{
    private const int LengthMax = 30;
    private const int EndOfString = 256;

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>For each length: the first code that has it, how many have it, and where their symbols begin in <see cref="Symbols"/>.</summary>
    private static readonly (int First, int Count, int Start)[] Codes = new (int, int, int)[LengthMax + 1];

    private static readonly short[] Symbols = Canonical();

    /// <summary>The most that a string of so many bytes can become: the shortest code has five bits.</summary>
    public static int DecodedMax(int encoded) => (encoded * 8 / 5) + 1;

    /// <returns>How many bytes of <paramref name="to"/> were written.</returns>
    public static int Decode(ReadOnlySpan<byte> from, Span<byte> to)
    {
        var written = 0;
        var code = 0;
        var length = 0;
        foreach (var octet in from)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = (code << 1) | ((octet >> bit) & 1);
                length++;
                var (first, count, start) = Codes[length];
                if (code - first < count)
                {
                    var symbol = Symbols[start + code - first];
                    Http2Exception.ThrowIf(symbol == EndOfString, ErrorCode.CompressionError, "end-of-string inside a string");
                    to[written++] = (byte)symbol;
                    code = length = 0;
                }
                else
                {
                    Http2Exception.ThrowIf(length == LengthMax, ErrorCode.CompressionError, "no such Huffman code");
                }
            }
        }

        Http2Exception.ThrowIf(length > 7 || code != (1 << length) - 1, ErrorCode.CompressionError, "padding is not the begin of end-of-string");
        return written;
    }

    private static short[] Canonical()
    {
        var symbols = new short[Lengths.Length];
        var next = 0;
        var code = 0;
        for (var length = 1; length <= LengthMax; length++)
        {
            code <<= 1;
            var start = next;
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] == length)
                {
                    symbols[next++] = (short)symbol;
                }
            }

            Codes[length] = (code, next - start, start);
            code += next - start;
        }

        return symbols;
    }
}
