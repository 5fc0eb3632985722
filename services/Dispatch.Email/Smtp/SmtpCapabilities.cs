namespace Dispatch.Email.Smtp;

/// <summary>What a relay said it can, in its answer to EHLO. What was said before TLS counts for nothing after it.</summary>
/// <param name="SizeMax">0: it set no limit, or does not say.</param>
sealed record SmtpCapabilities(bool Pipelining, bool StartTls, bool SmtpUtf8, bool Dsn, bool Size, long SizeMax, bool AuthPlain, bool AuthLogin)
{
    /// <summary>Of a relay that knows no EHLO.</summary>
    public static SmtpCapabilities None { get; } = new(false, false, false, false, false, 0, false, false);

    /// <param name="ehlo">The answer's lines; the first is a greeting.</param>
    public static SmtpCapabilities Parse(string ehlo)
    {
        var found = None;
        foreach (var line in ehlo.Split('\n').Skip(1))
        {
            var words = line.Split([' ', '='], StringSplitOptions.RemoveEmptyEntries); // "AUTH=LOGIN" is how some old relays spell it
            found = words.FirstOrDefault()?.ToUpperInvariant() switch
            {
                "PIPELINING" => found with { Pipelining = true },
                "STARTTLS" => found with { StartTls = true },
                "SMTPUTF8" => found with { SmtpUtf8 = true },
                "DSN" => found with { Dsn = true },
                "SIZE" => found with { Size = true, SizeMax = words.Length > 1 && long.TryParse(words[1], out var size) ? size : 0 },
                "AUTH" => found with
                {
                    AuthPlain = found.AuthPlain || words.Contains("PLAIN", StringComparer.OrdinalIgnoreCase),
                    AuthLogin = found.AuthLogin || words.Contains("LOGIN", StringComparer.OrdinalIgnoreCase),
                },
                _ => found,
            };
        }

        return found;
    }
}
