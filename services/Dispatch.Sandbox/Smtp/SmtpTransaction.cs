using System.Text;

namespace Dispatch.Sandbox.Smtp;

/// <summary>One mail on its way: what MAIL and RCPT said, then its data.</summary>
sealed class SmtpTransaction
{
    bool eightBit;
    bool utf8;

    /// <summary>Null: no MAIL yet. Empty: the null sender.</summary>
    public string? From { get; private set; }

    public List<(string Address, Behaviour Asked)> Recipients { get; } = [];

    public SmtpData Data { get; } = new();

    /// <summary>MAIL.</summary>
    /// <returns>The reply.</returns>
    public string Begin(string argument, SandboxOptions options)
    {
        if (From is not null)
        {
            return "503 5.5.1 nested MAIL";
        }

        if (SmtpPath.Parse(argument, "FROM:") is not { } path)
        {
            return "501 5.1.7 sender address syntax";
        }

        (eightBit, utf8) = (false, false);
        foreach (var parameter in path.Parameters)
        {
            var word = parameter.ToUpperInvariant();
            eightBit |= word == "BODY=8BITMIME";
            utf8 |= word == "SMTPUTF8" && options.SmtpUtf8;
            if (word.StartsWith("SIZE=", StringComparison.Ordinal) && (!long.TryParse(word.AsSpan(5), out var size) || size > SmtpData.SizeMax))
            {
                return "552 5.3.4 message too big";
            }

            if (!(word is "BODY=8BITMIME" or "BODY=7BIT" || (word == "SMTPUTF8" && utf8) || HasPrefix(word, "SIZE=", "RET=", "ENVID=", "AUTH=")))
            {
                return "555 5.5.4 parameter not known";
            }
        }

        if (!utf8 && !Ascii.IsValid(path.Address))
        {
            return "553 5.6.7 address needs SMTPUTF8";
        }

        From = path.Address;
        return "250 2.1.0 ok";
    }

    /// <summary>RCPT.</summary>
    /// <returns>The reply.</returns>
    public string Add(string argument, SmtpRelay relay)
    {
        if (From is null)
        {
            return "503 5.5.1 MAIL first";
        }

        if (SmtpPath.Parse(argument, "TO:") is not { Address.Length: > 0 } path)
        {
            return "501 5.1.3 recipient address syntax";
        }

        if (!path.Parameters.All(parameter => HasPrefix(parameter.ToUpperInvariant(), "NOTIFY=", "ORCPT=")))
        {
            return "555 5.5.4 parameter not known";
        }

        if (!utf8 && !Ascii.IsValid(path.Address))
        {
            return "553 5.6.7 address needs SMTPUTF8";
        }

        if (Recipients.Count >= relay.Options.SmtpRecipientsMax)
        {
            return "452 4.5.3 too many recipients";
        }

        var asked = Behaviour.Of(Encoding.UTF8.GetBytes(path.LocalPart));
        if (relay.AtRecipient(From, path.Address, asked) is { } refusal)
        {
            return refusal;
        }

        Recipients.Add((path.Address, asked));
        return "250 2.1.5 ok";
    }

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
        { HasEightBit: true } when !eightBit => "554 5.6.1 8-bit data without BODY=8BITMIME",
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

    static bool HasPrefix(string word, params ReadOnlySpan<string> prefixes)
    {
        foreach (var prefix in prefixes)
        {
            if (word.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
