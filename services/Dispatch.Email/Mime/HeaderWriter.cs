using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Dispatch.Email.Mime;

/// <summary>
/// Writes header fields.
/// Promise: whatever a value holds, a call writes one field: no control character of it reaches the wire, a line has at most 76 characters where it can be folded, and 998 anyhow.
/// Source: RFC 5322 2.2.3 (folding), RFC 2047 (encoded words).
/// </summary>
static class HeaderWriter
{
    private const int LineLengthMax = 76;
    private const int EncodedWordOverhead = 12; // =?utf-8?B??=

    private static readonly SearchValues<char> Atom = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~ ");

    /// <summary>A subject, or another field that is free text.</summary>
    public static void Text(ByteWriter to, ReadOnlySpan<byte> name, string value)
    {
        Name(to, name);
        var column = name.Length + 2;
        if (IsPlain(value) && column + value.Length <= LineLengthMax)
        {
            to.Write(value);
        }
        else if (IsPlain(value) && IsFoldable(value))
        {
            Folded(to, value, column);
        }
        else
        {
            EncodedWords(to, value, ref column);
        }

        to.Write("\r\n"u8);
    }

    /// <summary>From, To, Reply-To.</summary>
    public static void Address(ByteWriter to, ReadOnlySpan<byte> name, Mailbox mailbox)
    {
        Name(to, name);
        var column = name.Length + 2;
        if (mailbox.DisplayName.Length > 0)
        {
            DisplayName(to, mailbox.DisplayName, ref column);
            Space(to, mailbox.Address.Length + 2, ref column);
        }

        to.Write("<"u8);
        to.Write(mailbox.Address);
        to.Write(">\r\n"u8);
    }

    private static void Name(ByteWriter to, ReadOnlySpan<byte> name)
    {
        to.Write(name);
        to.Write(": "u8);
    }

    private static void DisplayName(ByteWriter to, string name, ref int column)
    {
        if (!IsPlain(name) || column + name.Length + 2 > LineLengthMax || name.AsSpan().ContainsAny('"', '\\'))
        {
            EncodedWords(to, name, ref column);
            return;
        }

        var quotes = name.AsSpan().ContainsAnyExcept(Atom);
        to.Write(quotes ? "\""u8 : []);
        to.Write(name);
        to.Write(quotes ? "\""u8 : []);
        column += name.Length + (quotes ? 2 : 0);
    }

    /// <summary>A space, or a new line where what follows would be too long for this one.</summary>
    private static void Space(ByteWriter to, int following, ref int column)
    {
        var fold = column + 1 + following > LineLengthMax;
        to.Write(fold ? "\r\n "u8 : " "u8);
        column = fold ? 1 : column + 1;
    }

    private static void Folded(ByteWriter to, ReadOnlySpan<char> words, int column)
    {
        var first = true;
        foreach (var range in words.Split(' '))
        {
            var word = words[range];
            if (!first)
            {
                Space(to, word.Length, ref column);
            }

            to.Write(word);
            (column, first) = (column + word.Length, false);
        }
    }

    /// <summary>Single spaces between words that fit a line, so that a fold neither adds nor loses one.</summary>
    private static bool IsFoldable(ReadOnlySpan<char> value)
    {
        foreach (var word in value.Split(' '))
        {
            if (value[word].Length is 0 or > LineLengthMax / 2)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Base64 words of whole characters, each on a line of its own; the space between two is no part of the text.</summary>
    private static void EncodedWords(ByteWriter to, ReadOnlySpan<char> value, ref int column)
    {
        Span<byte> word = stackalloc byte[LineLengthMax];
        var length = 0;
        foreach (var rune in value.EnumerateRunes()) // a lone surrogate comes as U+FFFD
        {
            var capacity = (LineLengthMax - column - EncodedWordOverhead) / 4 * 3;
            if (length + rune.Utf8SequenceLength > capacity)
            {
                EncodedWord(to, word[..length]);
                to.Write("\r\n "u8);
                (column, length) = (1, 0);
            }

            length += (rune.Value < 0x20 || rune.Value == 0x7f ? new Rune(' ') : rune).EncodeToUtf8(word[length..]);
        }

        EncodedWord(to, word[..length]);
        column += EncodedWordOverhead + Base64.GetMaxEncodedToUtf8Length(length);
    }

    private static void EncodedWord(ByteWriter to, ReadOnlySpan<byte> utf8)
    {
        to.Write("=?utf-8?B?"u8);
        Base64.EncodeToUtf8(utf8, to.GetSpan(Base64.GetMaxEncodedToUtf8Length(utf8.Length)), out _, out var written);
        to.Advance(written);
        to.Write("?="u8);
    }

    /// <summary>Printable ASCII that no reader could take for an encoded word.</summary>
    private static bool IsPlain(ReadOnlySpan<char> value) => !value.ContainsAnyExceptInRange(' ', '~') && !value.Contains("=?", StringComparison.Ordinal);
}
