namespace Dispatch.Sandbox.Apns;

/// <summary>What the stand-in remembers about one connection.</summary>
sealed class ApnsClient
{
    /// <summary>The provider token that was verified last, as it stood in the header; empty: none yet.</summary>
    public byte[] Token { get; set; } = [];

    public DateTimeOffset TokenIssued { get; set; }

    public DateTimeOffset TokenSince { get; set; }

    /// <summary>The stand-in itself called the token expired, so the next one is not too early.</summary>
    public bool MayRenew { get; set; } = true;
}
