using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;

namespace Dispatch.Router;

/// <summary>The facts that the Router writes down, one for each message that it decided about.</summary>
static class Outcomes
{
    public static Outcome Of(Message message, Fate fate, string reason, DateTimeOffset now)
    {
        var (kind, state) = KindOf(fate);
        return new Outcome
        {
            MessageId = message.MessageId,
            RequestId = message.RequestId,
            Tenant = message.Tenant,
            Class = message.Class,
            Channel = message.Channel,
            Day = message.Day,
            RecipientKey = message.RecipientKey,
            Kind = kind,
            State = state,
            At = now.ToUnixTimeMilliseconds(),
            Reason = reason,
            SourceId = fate == Fate.Held ? Id.From(message.ParkingId.Span).ToText(IdPrefix.Parking) : "", // each parking is a fact of its own
            Labels = { message.Labels },
            Campaign = message.Campaign,
            CapCheck = message.CapCheck,
            NothingLeft = fate is not (Fate.Routed or Fate.Held) && !message.MayHaveLeft,
            AcceptedAt = message.AcceptedAt,
        };
    }

    /// <summary>A record threw too often and waits for a person.</summary>
    public static Outcome Quarantined(Message message, Id parking, string exception, DateTimeOffset now)
    {
        var outcome = Of(message, Fate.Failed, exception, now);
        outcome.Kind = OutcomeKind.Quarantined;
        outcome.State = State.Quarantined;
        outcome.SourceId = parking.ToText(IdPrefix.Parking);
        outcome.NothingLeft = false; // it may be driven again
        return outcome;
    }

    public static Record ToRecord(this Outcome outcome, IReadOnlyList<RecordHeader> headers) =>
        new(Topics.Outcomes, outcome.RecipientKey.Memory, outcome.ToByteArray()) { Headers = headers };

    private static (OutcomeKind Kind, State State) KindOf(Fate fate) => fate switch
    {
        Fate.Routed => (OutcomeKind.Routed, State.Routed),
        Fate.Held => (OutcomeKind.Held, State.Held),
        Fate.Capped => (OutcomeKind.Capped, State.Capped),
        Fate.Suppressed => (OutcomeKind.Suppressed, State.Suppressed),
        Fate.Expired => (OutcomeKind.Expired, State.Expired),
        Fate.Cancelled => (OutcomeKind.Cancelled, State.Cancelled),
        Fate.Duplicate => (OutcomeKind.Duplicate, State.Duplicate),
        Fate.Failed => (OutcomeKind.Failed, State.Failed),
        _ => throw new ArgumentOutOfRangeException(nameof(fate), fate, "not a fate"),
    };
}
