using System.ComponentModel.DataAnnotations;
using Dispatch.Push.Http2;
using Microsoft.Extensions.Options;

namespace Dispatch.Push.Apns;

/// <summary>One team's key at Apple, for one environment. Checked at start; every fault is listed, then the process stops.</summary>
public sealed class ApnsOptions : Http2Options
{
    private static readonly Uri Production = new("https://api.push.apple.com");
    private static readonly Uri Sandbox = new("https://api.sandbox.push.apple.com");

    /// <summary>Base address, https; null: Apple's, by the lane's environment. Source: "Establishing a connection to APNs" (2026-08).</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Ten characters, from the developer account; the token's issuer.</summary>
    [Required]
    public string TeamId { get; init; } = "";

    /// <summary>Ten characters, from the developer account; names the key to Apple.</summary>
    [Required]
    public string KeyId { get; init; } = "";

    /// <summary>Path of the mounted .p8 file. Read when the first token is made, and again when the file changes: until it can be read, messages wait.</summary>
    [Required]
    public string KeyFile { get; init; } = "";

    /// <summary>Topic of an app, where it is not the app's own name (`shop-ios` = `com.example.shop`).</summary>
    public IReadOnlyDictionary<string, string> Topics { get; init; } = new Dictionary<string, string>();

    /// <summary>A token's age at which the next one is made, 45 to 55 min. Apple takes none over 60 min, and no two within 20.</summary>
    [Range(typeof(TimeSpan), "00:45:00", "00:55:00")]
    public TimeSpan RenewAfter { get; init; } = TimeSpan.FromMinutes(50);

    protected override Uri? Target => Endpoint;

    public Uri EndpointOf(string environment) => Endpoint ?? (environment == "sandbox" ? Sandbox : Production);
}

[OptionsValidator]
sealed partial class ApnsOptionsValidator : IValidateOptions<ApnsOptions>;
