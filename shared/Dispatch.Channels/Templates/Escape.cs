using System.Buffers;

namespace Dispatch.Channels.Templates;

/// <summary>Where a part ends up, and so what a variable's value must not be able to do there.</summary>
public enum Escape
{
    /// <summary>Plain text (an SMS, a push's body, the text half of a mail): nothing has a meaning, nothing is changed.</summary>
    Text,

    /// <summary>HTML text or a quoted attribute: a value cannot open a tag, an entity or leave its quotes.</summary>
    Html,

    /// <summary>A header's value (subject, display name): control characters and line separators become spaces, in the template's own text too.</summary>
    Header,

    /// <summary>A part of a URL: everything but RFC 3986's unreserved characters is percent-encoded.</summary>
    Url,
}

static class Escaping
{
    private static readonly SearchValues<char> HtmlSpecial = SearchValues.Create("&<>\"'`=");
    private static readonly SearchValues<char> HeaderForbidden = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Append(0x2028).Append(0x2029).Select(c => (char)c)]);

    public static void Write(Output output, ReadOnlySpan<char> value, Escape escape)
    {
        switch (escape)
        {
            case Escape.Html:
                WriteHtml(output, value);
                break;
            case Escape.Header:
                WriteHeader(output, value);
                break;
            case Escape.Url:
                output.Append(Uri.EscapeDataString(value));
                break;
            default:
                output.Append(value);
                break;
        }
    }

    /// <summary>A template's own text. Its author may write HTML and URLs, but nobody writes a line break into a header.</summary>
    public static void WriteLiteral(Output output, ReadOnlySpan<char> text, Escape escape)
    {
        if (escape == Escape.Header)
        {
            WriteHeader(output, text);
        }
        else
        {
            output.Append(text);
        }
    }

    public static bool IsClean(ReadOnlySpan<char> text, Escape escape) => escape != Escape.Header || !text.ContainsAny(HeaderForbidden);

    private static void WriteHtml(Output output, ReadOnlySpan<char> value)
    {
        for (int at; (at = value.IndexOfAny(HtmlSpecial)) >= 0; value = value[(at + 1)..])
        {
            output.Append(value[..at]);
            output.Append(value[at] switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#x27;",
                '`' => "&#x60;",
                _ => "&#x3D;",
            });
        }

        output.Append(value);
    }

    private static void WriteHeader(Output output, ReadOnlySpan<char> value)
    {
        for (int at; (at = value.IndexOfAny(HeaderForbidden)) >= 0; value = value[(at + 1)..])
        {
            output.Append(value[..at]);
            output.Append(" ");
        }

        output.Append(value);
    }
}
