using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace Dispatch.Email.Smtp;

/// <summary>Whether a relay is spoken to in TLS. There is no "if it offers it": whoever can touch the wire could take the offer away.</summary>
public enum StartTls
{
    Required,
    Off,
}

/// <summary>One relay; in the lane's own section. Checked at start; every fault is listed, then the process stops.</summary>
public sealed class SmtpOptions : IValidatableObject
{
    /// <summary>`smtp://host:port` (port 587 where none is given), or `smtps://host:port` for TLS from the first byte (465).</summary>
    [Required] public Uri Endpoint { get; init; } = new("smtp://localhost:587");

    /// <summary>For `smtp://`: upgrade before anything is said, or speak in the clear, which is for a relay on the same machine or network.</summary>
    public StartTls StartTls { get; init; } = StartTls.Required;

    /// <summary>File with the roots (PEM) that the relay's certificate has to lead to; empty: the system's. Read at each connect.</summary>
    public string TrustFile { get; init; } = "";

    /// <summary>Empty: no AUTH.</summary>
    public string User { get; init; } = "";

    /// <summary>Path of a mounted file with the password. Read at each connect, so a new one needs no restart.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Allow AUTH without TLS; only to this machine's loopback.</summary>
    public bool PlaintextAuth { get; init; }

    /// <summary>What EHLO says we are: a host name, or an address literal. Empty: this machine's name.</summary>
    [RegularExpression(@"[A-Za-z0-9.\-\[\]:]{0,255}")] public string HelloName { get; init; } = "";

    /// <summary>Envelope sender, where bounces go; empty: the address of From.</summary>
    public string ReturnPath { get; init; } = "";

    /// <summary>Right side of Message-ID; empty: the domain of From, which is what aligns with its DKIM and DMARC.</summary>
    [RegularExpression(@"[A-Za-z0-9.\-]{0,255}")] public string MessageIdDomain { get; init; } = "";

    /// <summary>Connections at once, and so attempts in flight, 1 to 1 000. Ask the relay's operator.</summary>
    [Range(1, 1000)] public int ConnectionsMax { get; init; } = 20;

    /// <summary>Then a connection is closed in good order; relays commonly allow 100. 1 to 1 000 000.</summary>
    [Range(1, 1_000_000)] public int MessagesPerConnectionMax { get; init; } = 100;

    /// <summary>A connection takes no new message after so long, so that load follows a relay that grows. 1 s to 1 h; Postfix uses 300 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")] public TimeSpan ConnectionAgeMax { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>A connection without work is closed after so long, 100 ms to 5 min: shorter than the relay's own patience.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")] public TimeSpan ConnectionIdleMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A mail that waits for a connection goes back to the lane's pool after so long, 250 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.250", "00:01:00")] public TimeSpan WaitMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Name resolution and TCP. Postfix: 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")] public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For the banner, EHLO, STARTTLS, AUTH, MAIL and RCPT each. RFC 5321 4.5.3.2: 5 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:30:00")] public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For the answer to DATA. RFC 5321 4.5.3.2.4: 2 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:30:00")] public TimeSpan DataTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>For each 64 KiB of content. RFC 5321 4.5.3.2.5: 3 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:30:00")] public TimeSpan BlockTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>
    /// For the answer to the final dot. RFC 5321 4.5.3.2.6: 10 min, and whoever waits less sends mails twice (RFC 1047): when it ends, the attempt is unknown.
    /// No more than 10 min, because a place under a cap counts for the longest attempt and no longer (`Dispatch:Freshness:AttemptMax`).
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:10:00")] public TimeSpan FinalDotTimeout { get; init; } = TimeSpan.FromMinutes(10);

    internal bool ImplicitTls => Endpoint.Scheme == "smtps";

    internal int Port => Endpoint.Port > 0 ? Endpoint.Port : ImplicitTls ? 465 : 587;

    internal string Hello => HelloName.Length > 0 ? HelloName : MachineName;

    /// <summary>Containers are called what they like; relays refuse an EHLO with an underscore in it.</summary>
    private static string MachineName { get; } = string.Concat(Dns.GetHostName().Select(c => char.IsAsciiLetterOrDigit(c) || c == '.' ? c : '-')).Trim('-', '.');

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Endpoint.Scheme is not ("smtp" or "smtps") || Endpoint.Host.Length == 0)
        {
            yield return new($"Endpoint '{Endpoint}' is neither smtp://host:port nor smtps://host:port", [nameof(Endpoint)]);
        }

        if (User.Length > 0 && PasswordFile.Length == 0)
        {
            yield return new("User needs a PasswordFile", [nameof(PasswordFile)]);
        }

        if (User.Length > 0 && !ImplicitTls && StartTls == StartTls.Off && !(PlaintextAuth && Endpoint.IsLoopback))
        {
            yield return new("User needs TLS: set StartTls to Required (or PlaintextAuth for a relay on loopback)", [nameof(StartTls)]);
        }

        if (ReturnPath.Length > 0 && !Mime.Mailbox.TryParse(ReturnPath, out _))
        {
            yield return new($"ReturnPath '{ReturnPath}' is no address", [nameof(ReturnPath)]);
        }
    }
}

[OptionsValidator]
sealed partial class SmtpOptionsValidator : IValidateOptions<SmtpOptions>;
