using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Dispatch.Email.Mime;

/// <summary>
/// An address that may go on the wire, with the name to show.
/// Promise: <see cref="Address"/> has no control character, no space outside quotes and no angle bracket, so that it cannot end the command or the header it stands in.
/// Source: RFC 5321 4.1.2, RFC 5322 3.4, RFC 6531 3.3; without comments, routes, groups and address literals.
/// </summary>
/// <param name="Address">local@domain, the domain in ASCII (IDNA).</param>
/// <param name="DisplayName">As the caller wrote it, unquoted; may hold anything, <see cref="HeaderWriter"/> makes it safe.</param>
sealed record Mailbox(string Address, string DisplayName)
{
    private const int LocalLengthMax = 64;
    private const int AddressLengthMax = 254;

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };
    private static readonly SearchValues<char> AtomText =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~");

    private static readonly SearchValues<char> HostText = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    public string Domain => Address[(Address.LastIndexOf('@') + 1)..];

    /// <summary>Its local part is not ASCII: every relay on the way has to speak SMTPUTF8.</summary>
    public bool NeedsUtf8 => !Ascii.IsValid(Address);

    /// <summary>`Shop &lt;no-reply@shop.example&gt;`, `"Shop, Inc." &lt;...&gt;` or the bare address.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Mailbox? mailbox)
    {
        mailbox = null;
        var whole = text.AsSpan().Trim();
        var name = "";
        var address = whole;
        if (whole is [.., '>'])
        {
            var open = whole.LastIndexOf('<');
            if (open < 0)
            {
                return false;
            }

            name = Unquoted(whole[..open].Trim());
            address = whole[(open + 1)..^1];
        }

        if (!TryNormalise(address, out var normal))
        {
            return false;
        }

        mailbox = new Mailbox(normal, name);
        return true;
    }

    private static bool TryNormalise(ReadOnlySpan<char> address, out string normal)
    {
        normal = "";
        var at = address.LastIndexOf('@');
        if (at < 1 || at > LocalLengthMax || !IsLocalPart(address[..at]) || !TryAsciiDomain(address[(at + 1)..], out var domain))
        {
            return false;
        }

        normal = $"{address[..at]}@{domain}";
        return normal.Length <= AddressLengthMax;
    }

    private static bool IsLocalPart(ReadOnlySpan<char> local) => local is ['"', .. var quoted, '"'] ? IsQuotedText(quoted) : IsDotAtom(local);

    private static bool IsDotAtom(ReadOnlySpan<char> local)
    {
        foreach (var part in local.Split('.'))
        {
            if (local[part].IsEmpty || !AllLegal(local[part], AtomText))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsQuotedText(ReadOnlySpan<char> quoted)
    {
        var escaped = false;
        foreach (var c in quoted)
        {
            if (c is < ' ' or > '~' or '<' or '>' || (c == '"' && !escaped))
            {
                return false;
            }

            escaped = c == '\\' && !escaped;
        }

        return !quoted.IsEmpty && !escaped;
    }

    private static bool AllLegal(ReadOnlySpan<char> text, SearchValues<char> ascii, char also = '\0')
    {
        foreach (var rune in text.EnumerateRunes()) // a lone surrogate comes as U+FFFD, which is a symbol
        {
            if (rune.IsAscii ? !ascii.Contains((char)rune.Value) && (rune.Value != also || also == '\0') : !IsWord(Rune.GetUnicodeCategory(rune)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Letters, digits and their marks of any script; nothing that is invisible, turns the direction, or looks like punctuation.</summary>
    private static bool IsWord(UnicodeCategory category) => category is <= UnicodeCategory.OtherNumber;

    private static bool TryAsciiDomain(ReadOnlySpan<char> domain, out string ascii)
    {
        ascii = "";
        if (!AllLegal(domain, HostText, '.'))
        {
            return false;
        }

        try
        {
            ascii = Ascii.IsValid(domain) ? domain.ToString() : Idn.GetAscii(domain.ToString().ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            return false;
        }

        foreach (var label in ascii.AsSpan().Split('.'))
        {
            var name = ascii.AsSpan()[label];
            if (name.Length is 0 or > 63 || name[0] == '-' || name[^1] == '-' || name.ContainsAnyExcept(HostText))
            {
                return false;
            }
        }

        return true;
    }

    private static string Unquoted(ReadOnlySpan<char> name)
    {
        if (name is not ['"', .. var inner, '"'])
        {
            return name.ToString();
        }

        return inner.Contains('\\') ? inner.ToString().Replace("\\\"", "\"", StringComparison.Ordinal).Replace(@"\\", @"\", StringComparison.Ordinal) : inner.ToString();
    }
}
