using Dispatch.Contracts;

namespace Dispatch.Policy;

/// <summary>
/// Why a message is parked in `held.&lt;class&gt;`: <c>Message.hold_reason</c>. Whoever parks writes one of these; the Router lets go what may go, every minute and
/// at each change of a mode.
/// </summary>
public static class HoldReasons
{
    /// <summary>`dispatch` is paused for a scope narrower than its class: goes when no mode holds it any more.</summary>
    public const string Paused = "dispatch_paused";

    /// <summary>`caps` is set to hold for a scope narrower than its class: likewise.</summary>
    public const string CapsHeld = "caps_held";

    /// <summary>It waits for <c>not_before</c>: a retry that is due later. It goes then.</summary>
    public const string Retry = "retry";

    /// <summary>The lane's credential is refused: goes at <c>not_before</c>, to be tried again, and comes back if nobody mended it.</summary>
    public static string Credential(string lane) => $"credential:{lane}";

    /// <summary>An attempt's end is unknown and the message's policy is to wait for a person: never goes by itself.</summary>
    public const string InDoubt = "in_doubt";

    /// <summary>Waits for a person, not for a time or a mode; not even its expiry ends it, for it may have been sent.</summary>
    public static bool NeedsPerson(Message message) => message.HoldReason == InDoubt;
}
