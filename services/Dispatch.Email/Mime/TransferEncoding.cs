using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Dispatch.Email.Mime;

/// <summary>
/// Brings a text into lines that any relay passes on unchanged: CRLF at the end, ASCII, at most 998 bytes (76 where it is encoded), no NUL. Source: RFC 2045 6, RFC 5321 4.5.3.1.6.
/// The shortest of three forms that can carry it: as it is, quoted-printable, base64.
/// </summary>
static class TransferEncoding
{
    public const int LineLengthMax = 998;
    private const int EncodedLineLengthMax = 76;

    private static readonly SearchValues<char> NeedEncoding =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Except([(int)'\t', '\r', '\n']).Append(0x7f).Select(c => (char)c)]);

    private static readonly SearchValues<byte> Literal = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Except([(int)'=']).Select(c => (byte)c)]);

    /// <summary>Content-Transfer-Encoding, an empty line, the text. Ends with CRLF.</summary>
    /// <param name="avoid">A boundary that the encoded text must not hold.</param>
    public static void WriteBody(ByteWriter to, string text, string avoid)
    {
        if (CanStay(text) && !text.Contains(avoid, StringComparison.Ordinal))
        {
            to.Write("Content-Transfer-Encoding: 7bit\r\n\r\n"u8);
            WriteLines(to, text);
            return;
        }

        using var utf8 = new ByteWriter(text.Length * 2);
        WriteLines(utf8, text.Replace("\0", "", StringComparison.Ordinal));
        if (CountEncoded(utf8.Written.Span) * 2 <= utf8.Length / 3)
        {
            to.Write("Content-Transfer-Encoding: quoted-printable\r\n\r\n"u8);
            WriteQuotedPrintable(to, utf8.Written.Span);
        }
        else
        {
            to.Write("Content-Transfer-Encoding: base64\r\n\r\n"u8);
            WriteBase64(to, utf8.Written.Span);
        }
    }

    private static bool CanStay(ReadOnlySpan<char> text)
    {
        if (!Ascii.IsValid(text) || text.ContainsAny(NeedEncoding))
        {
            return false;
        }

        while (text.Length > LineLengthMax)
        {
            var end = text[..(LineLengthMax + 1)].LastIndexOfAny('\r', '\n');
            if (end < 0)
            {
                return false;
            }

            text = text[(end + 1)..];
        }

        return true;
    }

    /// <summary>Every CRLF, CR or LF becomes CRLF, and there is one at the end.</summary>
    private static void WriteLines(ByteWriter to, ReadOnlySpan<char> text)
    {
        for (int end; (end = text.IndexOfAny('\r', '\n')) >= 0;)
        {
            to.Write(text[..end]);
            to.Write("\r\n"u8);
            text = text[(end + (text[end..].StartsWith("\r\n") ? 2 : 1))..];
        }

        if (!text.IsEmpty)
        {
            to.Write(text);
            to.Write("\r\n"u8);
        }
    }

    private static int CountEncoded(ReadOnlySpan<byte> utf8)
    {
        var count = 0;
        foreach (var b in utf8)
        {
            count += b is >= 0x7f or (byte)'=' ? 1 : 0;
        }

        return count;
    }

    private static void WriteQuotedPrintable(ByteWriter to, ReadOnlySpan<byte> utf8)
    {
        while (!utf8.IsEmpty)
        {
            var end = utf8.IndexOf("\r\n"u8);
            WriteQuotedLine(to, utf8[..end]);
            to.Write("\r\n"u8);
            utf8 = utf8[(end + 2)..];
        }
    }

    private static void WriteQuotedLine(ByteWriter to, ReadOnlySpan<byte> line)
    {
        var column = 0;
        for (var i = 0; i < line.Length; i++)
        {
            var last = i == line.Length - 1;
            var literal = Literal.Contains(line[i]) ? !(last && line[i] == ' ') : line[i] == '\t' && !last; // white space at a line's end gets lost on the way
            if (column + (literal ? 1 : 3) > EncodedLineLengthMax - (last ? 0 : 1))
            {
                to.Write("=\r\n"u8);
                column = 0;
            }

            if (literal)
            {
                to.GetSpan(1)[0] = line[i];
                to.Advance(1);
                column++;
            }
            else
            {
                var code = to.GetSpan(3);
                (code[0], code[1], code[2]) = ((byte)'=', (byte)"0123456789ABCDEF"[line[i] >> 4], (byte)"0123456789ABCDEF"[line[i] & 15]);
                to.Advance(3);
                column += 3;
            }
        }
    }

    private static void WriteBase64(ByteWriter to, ReadOnlySpan<byte> utf8)
    {
        const int bytesOfLine = EncodedLineLengthMax / 4 * 3;
        while (!utf8.IsEmpty)
        {
            var part = utf8[..Math.Min(bytesOfLine, utf8.Length)];
            Base64.EncodeToUtf8(part, to.GetSpan(EncodedLineLengthMax + 2), out _, out var written);
            to.Advance(written);
            to.Write("\r\n"u8);
            utf8 = utf8[part.Length..];
        }
    }
}
