using System.ComponentModel.DataAnnotations;

namespace Dispatch.Sandbox;

/// <summary>Configuration section Dispatch:Sandbox. Checked at start; every fault is listed, then the process stops.</summary>
public sealed record SandboxOptions
{
    /// <summary>Credentials and oracle logs live below it; made when missing, kept over restarts.</summary>
    [Required] public string Folder { get; init; } = "data/sandbox";

    /// <summary>
    /// Ports on 127.0.0.1: +0 APNs, +1 FCM and its /token, +2 SMTP, +3 SMS gateway, +4 admin, +20 and up further relays. 0: any free ports, see <see cref="Endpoints"/>.
    /// </summary>
    [Range(0, 65_000)] public int BasePort { get; init; } = 8090;

    /// <summary>SMTP relays, each a lane with switches of its own: smtp, smtp-2, smtp-3, ...</summary>
    [Range(1, 16)] public int Relays { get; init; } = 1;

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS of APNs and FCM; APNs begins a connection with 1 (gun issue 246).</summary>
    [Range(1, 100_000)] public int StreamLimit { get; init; } = 1000;

    /// <summary>Seconds in Retry-After of 429 and 503 answers, until the admin API says otherwise; 0: no such header.</summary>
    [Range(0, 86_400)] public int RetryAfterSeconds { get; init; }

    /// <summary>True: STARTTLS is offered, and AUTH only behind it, as relays do. False: plain text with AUTH.</summary>
    public bool SmtpTls { get; init; } = true;

    /// <summary>False: MAIL without AUTH is taken, as by a relay that trusts its network.</summary>
    public bool SmtpAuth { get; init; } = true;

    /// <summary>Whether the relays offer PIPELINING (RFC 2920).</summary>
    public bool SmtpPipelining { get; init; } = true;

    /// <summary>Whether the relays offer SMTPUTF8 (RFC 6531).</summary>
    public bool SmtpUtf8 { get; init; } = true;

    /// <summary>RCPT commands of one message; the next gets 452 4.5.3.</summary>
    [Range(1, 1000)] public int SmtpRecipientsMax { get; init; } = 100;

    /// <summary>Time between the gateway's answer and the first status callback, and between callbacks of a message.</summary>
    public TimeSpan CallbackDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Callbacks on their way at once.</summary>
    [Range(1, 256)] public int CallbacksInFlight { get; init; } = 16;

    /// <summary>Tries of one callback that is answered 5xx or 429, or not at all.</summary>
    [Range(1, 20)] public int CallbackTries { get; init; } = 6;

    /// <summary>Wait before the second try; it doubles with each further one.</summary>
    public TimeSpan CallbackRetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>False: a StatusCallback that is not on this machine is refused (21609), so that a stand-in cannot be made to call strangers.</summary>
    public bool CallbackToAnyHost { get; init; }

    /// <exception cref="ValidationException">The message lists every fault.</exception>
    internal void Validate()
    {
        var faults = new List<ValidationResult>();
        if (!Validator.TryValidateObject(this, new ValidationContext(this), faults, validateAllProperties: true))
        {
            throw new ValidationException("Dispatch:Sandbox: " + string.Join(" ", faults.Select(fault => fault.ErrorMessage)));
        }
    }
}
