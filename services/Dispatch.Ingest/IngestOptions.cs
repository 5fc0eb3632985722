using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest;

/// <summary>The public API. Section `Dispatch:Ingest`; checked at start, every fault is listed, then the process stops.</summary>
public sealed class IngestOptions
{
    /// <summary>A body has at most so many bytes, 1 KiB to 64 MiB; beyond: 413.</summary>
    [Range(1_024, 64 * 1_024 * 1_024)] public int BodyBytesMax { get; init; } = 10 * 1_024 * 1_024;

    /// <summary>Content, variables and metadata times addresses of one request or one batch, in bytes; beyond: 413, because each message carries them.</summary>
    [Range(1_024, long.MaxValue)] public long ExpandedBytesMax { get; init; } = 50_000_000;

    /// <summary>Items a minute for a key that has no rate of its own; 0: no limit.</summary>
    [Range(0, int.MaxValue)] public int ItemsPerMinute { get; init; }

    /// <summary>How long a call may be at work before somebody else may take its key over. Longer than an append ever takes.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")] public TimeSpan KeyLease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Connections that claim idempotency keys in turn, 1 to 16. One makes the largest groups and so costs least; more shorten the wait where the store is far away.</summary>
    [Range(1, 16)] public int ClaimConnections { get; init; } = 1;

    /// <summary>Idempotency keys that this process remembers by itself, about 200 bytes each.</summary>
    [Range(1_000, 10_000_000)] public int KeysRemembered { get; init; } = 100_000;

    /// <summary>Messages that were just accepted and are found here before the store knows them, about 300 bytes each.</summary>
    [Range(1_000, 10_000_000)] public int MessagesRemembered { get; init; } = 50_000;

    /// <summary>Makes a key with all scopes at the first start, and keeps it in <see cref="FirstKeyFile"/>.</summary>
    public bool FirstKey { get; init; } = true;

    /// <summary>`Dispatch:Secrets:FirstKeyFile`; empty: `{Data}/secrets/first-key`. Instances that share it share the key.</summary>
    public string FirstKeyFile { get; set; } = "";

    /// <summary>Whose the first key is.</summary>
    [Required] public string FirstKeyTenant { get; init; } = "default";

    /// <summary>`Dispatch:Secrets:RecipientKeyFile`; empty: `{Data}/secrets/recipient-key`. Made at the first start. Whoever loses it loses all caps and suppressions.</summary>
    public string RecipientKeyFile { get; set; } = "";

    /// <summary>
    /// Where callers and gateways reach this API from outside, `Dispatch:PublicUrl`; gateways sign the exact URL that they call. Default: `Dispatch:Listen`.
    /// </summary>
    public Uri? PublicUrl { get; set; }
}

[OptionsValidator]
sealed partial class IngestOptionsValidator : IValidateOptions<IngestOptions>;
