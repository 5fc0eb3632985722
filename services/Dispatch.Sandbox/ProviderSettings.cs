using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Dispatch.Sandbox;

/// <summary>How a stand-in as a whole behaves; an operator changes it while it runs.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Mode>))]
public enum Mode
{
    [JsonStringEnumMemberName("normal")]
    Normal,

    /// <summary>Refuses all with the provider's word for "not now": 503, UNAVAILABLE, 421 at the banner.</summary>
    [JsonStringEnumMemberName("unavailable")]
    Unavailable,

    /// <summary>Refuses all with the provider's word for "too fast": 429, QUOTA_EXCEEDED, 421 4.7.0 at MAIL.</summary>
    [JsonStringEnumMemberName("throttle")]
    Throttle,

    /// <summary>Takes connections and requests, and never answers. Nothing is taken.</summary>
    [JsonStringEnumMemberName("mute")]
    Mute,

    /// <summary>Accepts all and delivers none: receipts say delivered=false, no gateway receipt comes back.</summary>
    [JsonStringEnumMemberName("swallow")]
    Swallow,

    /// <summary>The credential is revoked: 403 InvalidProviderToken, 401, 535.</summary>
    [JsonStringEnumMemberName("revoked")]
    Revoked,

    /// <summary>APNs alone: every answer is 503 Shutdown, and a GOAWAY ends the connection. Elsewhere like unavailable.</summary>
    [JsonStringEnumMemberName("shutdown")]
    Shutdown,
}

/// <summary>What the admin API may change for one stand-in while it runs; each change replaces the whole record.</summary>
public sealed record ProviderSettings
{
    /// <summary>Milliseconds between a whole request and its answer.</summary>
    [Range(0, 600_000)] public int LatencyMs { get; init; }

    /// <summary>Share of otherwise accepted messages that are refused as the provider's own fault, 0 to 1. Evenly spread, so that a run can be repeated.</summary>
    [Range(0, 1)] public double ErrorRate { get; init; }

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS of every connection, open ones too. Only HTTP/2.</summary>
    [Range(0, 100_000)] public int StreamLimit { get; init; } = 1000;

    /// <summary>Seconds in Retry-After of 429 and 503 answers; 0: no such header.</summary>
    [Range(0, 86_400)] public int RetryAfterS { get; init; }

    public Mode Mode { get; init; }

    /// <summary>Share of status callbacks that are sent twice, 0 to 1. Only the SMS gateway.</summary>
    [Range(0, 1)] public double CallbackDoubled { get; init; }

    /// <summary>Share of messages whose last status is called back before the one in the middle, 0 to 1. Only the SMS gateway.</summary>
    [Range(0, 1)] public double CallbackDisordered { get; init; }
}
