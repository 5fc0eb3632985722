using System.Globalization;

namespace Dispatch.Email.Smtp;

/// <summary>`5.1.1` of a reply: subject and detail; its class is that of the reply. RFC 3463.</summary>
readonly record struct EnhancedCode(int Subject, int Detail)
{
    public static EnhancedCode None { get; } = new(-1, -1);

    /// <returns>How much of the text it took.</returns>
    public static int TryParse(int replyCode, ReadOnlySpan<char> text, out EnhancedCode code)
    {
        code = None;
        var space = text.IndexOf(' ');
        var word = space < 0 ? text : text[..space];
        if (word.Length is < 5 or > 9 || word[1] != '.' || word[0] - '0' != replyCode / 100)
        {
            return 0;
        }

        var rest = word[2..];
        var dot = rest.IndexOf('.');
        if (dot < 0 || !int.TryParse(rest[..dot], NumberStyles.None, null, out var subject) || !int.TryParse(rest[(dot + 1)..], NumberStyles.None, null, out var detail))
        {
            return 0;
        }

        code = new(subject, detail);
        return word.Length;
    }
}

/// <summary>One answer of a relay.</summary>
/// <param name="Code">Three digits, 200 to 599.</param>
/// <param name="Text">Without codes; several lines joined by '\n'. Empty where nobody reads it: the good answers to MAIL, RCPT and DATA.</param>
readonly record struct SmtpReply(int Code, EnhancedCode Enhanced, string Text)
{
    private const int ReasonLengthMax = 200;

    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>The relay closes the connection with this. RFC 5321 3.8.</summary>
    public bool Closes => Code == 421;

    /// <summary>Codes and words for a person, without the address that relays like to repeat, and without what is not printable.</summary>
    public string Reason(string recipient)
    {
        var codes = Enhanced == EnhancedCode.None ? $"{Code}" : $"{Code} {Code / 100}.{Enhanced.Subject}.{Enhanced.Detail}";
        var local = recipient[..Math.Max(0, recipient.LastIndexOf('@'))];
        var words = Text.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries)
            .Select(word => Names(word, local) ? "<address>" : word);
        var text = string.Concat(string.Join(' ', words).Select(c => c is < ' ' or > '~' ? '?' : c).Take(ReasonLengthMax));
        return text.Length == 0 ? codes : $"{codes} {text}";
    }

    private static bool Names(string word, string local) =>
        word.Contains('@', StringComparison.Ordinal)
        || (local.Length > 3 && word.Contains(local, StringComparison.OrdinalIgnoreCase))
        || (local.Length > 0 && word.AsSpan().Trim("<>[]():;.,'\"").Equals(local, StringComparison.OrdinalIgnoreCase));

    /// <summary>What the relay calls the message from now on, from "2.0.0 Ok: queued as 4C8..." and its kin; empty when it does not say.</summary>
    public string QueueId()
    {
        foreach (var marker in (ReadOnlySpan<string>)["queued as ", "id=", "Message accepted for delivery "])
        {
            var at = Text.IndexOf(marker, StringComparison.OrdinalIgnoreCase);
            if (at >= 0)
            {
                var id = Text.AsSpan(at + marker.Length);
                var end = id.IndexOfAnyExcept(QueueIdText);
                return id[..Math.Min(64, end < 0 ? id.Length : end)].ToString();
            }
        }

        return "";
    }

    private static readonly System.Buffers.SearchValues<char> QueueIdText =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
}
