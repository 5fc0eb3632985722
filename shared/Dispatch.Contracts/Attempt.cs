namespace Dispatch.Contracts;

/// <summary>
/// What became of one try to hand one message to one lane. A value, never an exception.
/// <see cref="Verdict.Unknown"/>: bytes may have left and no answer came, so that a duplicate is a decision and never an accident.
/// </summary>
/// <param name="Scope">Whom the verdict is about: it decides who suffers.</param>
/// <param name="Reason">The provider's own word where it has one; no address, no token.</param>
/// <param name="RetryAfter">As the provider asked; nothing is sent before.</param>
public sealed record Attempt(Verdict Verdict, Scope Scope, string Reason, TimeSpan? RetryAfter = null)
{
    /// <summary>What the provider calls the message from now on (apns-id, FCM name, SMTP queue id, gateway sid); empty: nothing.</summary>
    public string ProviderMessageId { get; init; } = "";

    /// <summary>SMS parts, else 0.</summary>
    public int Segments { get; init; }

    /// <summary>Proof that no byte of this attempt reached the provider's application: refused before the message was whole.</summary>
    public bool NothingLeft { get; init; }

    /// <summary>The address is dead for good: suppress it, or retire the token.</summary>
    public bool Suppress { get; init; }

    /// <summary>What stood in the way was mended meanwhile (a new token, a new connection): the dispatcher tries this message again at once, one time, and holds nothing against the lane.</summary>
    public bool AgainAtOnce { get; init; }

    public static Attempt Accepted(string providerMessageId = "", int segments = 0) =>
        new(Verdict.Accepted, Scope.Message, "") { ProviderMessageId = providerMessageId, Segments = segments };

    /// <summary>The provider said no, for now. It did not take the message.</summary>
    public static Attempt Retry(Scope scope, string reason, TimeSpan? after = null) => new(Verdict.Retry, scope, reason, after) { NothingLeft = true };

    public static Attempt Rejected(Scope scope, string reason) => new(Verdict.Rejected, scope, reason) { NothingLeft = true };

    public static Attempt Unknown(string reason) => new(Verdict.Unknown, Scope.Provider, reason);
}
