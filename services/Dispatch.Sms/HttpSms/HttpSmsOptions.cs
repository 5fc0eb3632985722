using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Dispatch.Sms.HttpSms;

/// <summary>One account at a gateway of Twilio's shape; in the lane's own section. Checked at start; every fault is listed, then the process stops.</summary>
public sealed class HttpSmsOptions : IValidatableObject
{
    /// <summary>Base address, https (http for this machine's loopback alone). Source: Twilio, "The Messages resource", 2010-04-01.</summary>
    [Required] public Uri Endpoint { get; init; } = new("https://api.twilio.com");

    /// <summary>The account in the path, and the user of Basic authentication.</summary>
    [Required, RegularExpression("[A-Za-z0-9]{1,64}")] public string AccountSid { get; init; } = "";

    /// <summary>Path of a mounted file with the auth token. Read again when the file changes.</summary>
    [Required] public string TokenFile { get; init; } = "";

    /// <summary>Sender of messages that name none: a number (E.164), a name of up to 11 characters, a short code, or a messaging service (MG...).</summary>
    [StringLength(64)] public string From { get; init; } = "";

    /// <summary>File with the roots (PEM) that the gateway's certificate has to lead to; empty: the system's. Read at start.</summary>
    public string TrustFile { get; init; } = "";

    /// <summary>
    /// Where the gateway reaches our /hooks from outside, without a path; empty: `Dispatch:PublicUrl`, else `Dispatch:Listen`. Its signatures cover the address to the letter.
    /// </summary>
    public Uri? CallbackBase { get; init; }

    /// <summary>Connections at once, and so attempts in flight, 1 to 1 000.</summary>
    [Range(1, 1000)] public int ConnectionsMax { get; init; } = 50;

    /// <summary>Name resolution, TCP and TLS, 100 ms to 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")] public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the hand-over to the answer, 100 ms to 5 min: after it the attempt is unknown if the request was whole.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")] public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A connection without work is closed after so long, 1 s to 5 min: shorter than the gateway's patience, so that no request meets a closed one.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")] public TimeSpan ConnectionIdleMax { get; init; } = TimeSpan.FromSeconds(15);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!Endpoint.IsAbsoluteUri || !(Endpoint.Scheme == "https" || (Endpoint.Scheme == "http" && Endpoint.IsLoopback)))
        {
            yield return new($"Endpoint '{Endpoint}' is not https (http is for loopback alone): the token travels with each request", [nameof(Endpoint)]);
        }

        if (CallbackBase is { } callback && !(callback.IsAbsoluteUri && callback.Scheme is "https" or "http"))
        {
            yield return new($"CallbackBase '{CallbackBase}' is no http address", [nameof(CallbackBase)]);
        }

        if (TrustFile.Length > 0 && !File.Exists(TrustFile))
        {
            yield return new($"TrustFile '{TrustFile}' does not exist", [nameof(TrustFile)]);
        }
    }
}

[OptionsValidator]
sealed partial class HttpSmsOptionsValidator : IValidateOptions<HttpSmsOptions>;
