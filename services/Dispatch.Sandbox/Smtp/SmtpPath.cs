namespace Dispatch.Sandbox.Smtp;

/// <summary>The argument of MAIL or RCPT: an address in angle brackets, and parameters (RFC 5321, 4.1.2).</summary>
readonly record struct SmtpPath(string Address, string[] Parameters)
{
    const int AddressMax = 320;

    /// <param name="word">"FROM:" or "TO:".</param>
    /// <returns>Null: a syntax error. The address is empty for the null sender.</returns>
    public static SmtpPath? Parse(string argument, string word)
    {
        if (!argument.StartsWith(word, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var rest = argument[word.Length..].TrimStart(' ');
        var end = EndOfPath(rest);
        if (end < 0 || end > AddressMax)
        {
            return null;
        }

        var address = rest[1..end];
        return address.Length == 0 || IsMailbox(address) ? new SmtpPath(address, rest[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)) : null;
    }

    public string LocalPart => Address[..Math.Max(0, Address.LastIndexOf('@'))];

    /// <summary>The bracket that closes the path: not one inside a quoted local part.</summary>
    static int EndOfPath(string text)
    {
        var quoted = false;
        for (var i = 1; i < text.Length && text[0] == '<'; i++)
        {
            switch (text[i])
            {
                case '\\' when quoted:
                    i++;
                    break;
                case '"':
                    quoted = !quoted;
                    break;
                case '>' when !quoted:
                    return i;
                default:
                    break;
            }
        }

        return -1;
    }

    static bool IsMailbox(string address)
    {
        var at = address.LastIndexOf('@');
        var local = address[..Math.Max(at, 0)];
        var isQuoted = local.Length > 2 && local[0] == '"' && local[^1] == '"';
        return at > 0 && at < address.Length - 1
            && !address.Any(char.IsControl)
            && !address[(at + 1)..].Any(c => c is ' ' or '<' or '>' or '"')
            && (isQuoted || !local.Any(c => c is ' ' or '"' or '(' or ')' or ',' or ':' or ';' or '<' or '>' or '@' or '[' or ']' or '\\'));
    }
}
