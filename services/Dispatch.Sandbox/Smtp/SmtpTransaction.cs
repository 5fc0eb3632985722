using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>One mail on its way: what MAIL and RCPT said, then its data.</summary>
sealed class SmtpTransaction
{
    /// <summary>Null: no MAIL yet. Empty: the null sender.</summary>
    public string? From { get; private set; }

    public bool EightBit { get; private set; }

    public bool Utf8 { get; private set; }

    public List<(string Address, Behaviour Asked)> Recipients { get; } = [];

    public SmtpData Data { get; } = new();

    public void Begin(string from, bool eightBit, bool utf8) => (From, EightBit, Utf8) = (from, eightBit, utf8);

    public void Reset()
    {
        From = null;
        Recipients.Clear();
        Data.Clear();
    }

    /// <summary>What a strict receiver has against the data; null: nothing.</summary>
    public string? DataFault => Data switch
    {
        { HasBareLineEnd: true } => "554 5.6.0 bare CR or LF in data",
        { HasLongLine: true } => "554 5.6.0 line longer than 1000 octets",
        { Bytes: > SmtpData.SizeMax } => "552 5.3.4 message too big",
        { HasEightBit: true } when !EightBit => "554 5.6.1 8-bit data without BODY=8BITMIME",
        _ => null,
    };

    /// <summary>
    /// What is between the brackets of Message-ID: as an oracle needs it the part before the @ when that is one of ours ("msg_..."), else all of it. Empty: there is none.
    /// </summary>
    public string MessageId()
    {
        var content = Data.Content;
        for (var at = 0; at < content.Length;)
        {
            var end = content[at..].IndexOf("\r\n"u8);
            var line = end < 0 ? content[at..] : content.Slice(at, end);
            if (line.IsEmpty)
            {
                break; // the body begins
            }

            if (line.Length >= 11 && Ascii.EqualsIgnoreCase(line[..11], "message-id:"u8))
            {
                return InBrackets(content[(at + 11)..]);
            }

            at += line.Length + 2;
        }

        return "";
    }

    /// <summary>The value may be folded onto the next line.</summary>
    static string InBrackets(ReadOnlySpan<byte> from)
    {
        var open = from.IndexOf((byte)'<');
        var close = from.IndexOf((byte)'>');
        if (open < 0 || close < open || from[..open].IndexOfAnyExcept(" \t\r\n"u8) >= 0)
        {
            return "";
        }

        var id = Encoding.UTF8.GetString(from[(open + 1)..close]);
        return id.StartsWith("msg_", StringComparison.Ordinal) && id.Contains('@', StringComparison.Ordinal) ? id[..id.IndexOf('@', StringComparison.Ordinal)] : id;
    }
}
