using System.ComponentModel.DataAnnotations;
using Dispatch.Push.Http2;
using Microsoft.Extensions.Options;

namespace Dispatch.Push.Fcm;

/// <summary>One Firebase project. Checked at start; every fault is listed, then the process stops.</summary>
public sealed class FcmOptions : Http2Options
{
    /// <summary>Base address, https. Source: FCM HTTP v1, REST reference (2026-08).</summary>
    [Required]
    public Uri Endpoint { get; init; } = new("https://fcm.googleapis.com");

    /// <summary>Path of the mounted service-account JSON: project, address of the token endpoint, key. Read at each exchange: until it can be read, messages wait.</summary>
    [Required]
    public string ServiceAccountFile { get; init; } = "";

    protected override Uri? Target => Endpoint;
}

[OptionsValidator]
sealed partial class FcmOptionsValidator : IValidateOptions<FcmOptions>;
