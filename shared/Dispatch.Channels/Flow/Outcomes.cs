using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Channels.Flow;

/// <summary>Facts about a message, as Feedback wants them. Pure.</summary>
static class Outcomes
{
    /// <summary>A fact that no attempt stands behind.</summary>
    public static Outcome Of(Message message, OutcomeKind kind, State state, DateTimeOffset at, string reason) => new()
    {
        MessageId = message.MessageId,
        RequestId = message.RequestId,
        Tenant = message.Tenant,
        Class = message.Class,
        Channel = message.Channel,
        Day = message.Day,
        RecipientKey = message.RecipientKey,
        Kind = kind,
        At = at.ToUnixTimeMilliseconds(),
        State = state,
        Reason = reason,
        Provider = message.Address.Provider,
        Labels = { message.Labels },
        Campaign = message.Campaign,
        CapCheck = message.CapCheck,
        AcceptedAt = message.AcceptedAt,
        NothingLeft = state is State.Failed or State.Expired or State.Cancelled && !message.MayHaveLeft,
    };

    /// <param name="message">Its attempts count this one.</param>
    /// <param name="suppress">May the address be suppressed, if the attempt says so?</param>
    public static Outcome OfAttempt(Message message, ulong epoch, Attempt attempt, LaneOptions lane, State state, long retryAt, DateTimeOffset at, bool suppress)
    {
        var outcome = Of(message, OutcomeKind.Attempted, state, at, attempt.Reason);
        outcome.AttemptEpoch = epoch;
        outcome.Attempt = message.Attempts;
        outcome.Verdict = attempt.Verdict;
        outcome.Scope = attempt.Scope;
        outcome.Provider = lane.Provider;
        outcome.Lane = lane.Name;
        outcome.ProviderMessageId = attempt.ProviderMessageId;
        outcome.Segments = (uint)attempt.Segments;
        outcome.RetryAt = retryAt;
        outcome.Suppress = suppress && attempt.Suppress ? message.Address.AddressKey : ByteString.Empty;
        return outcome;
    }
}
