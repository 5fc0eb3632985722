using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Feedback.Tests;

/// <summary>Records as hops write them.</summary>
static class Traffic
{
    public static DateTimeOffset Now { get; } = DateTimeOffset.UtcNow;

    public static Request Request() => new()
    {
        RequestId = ByteString.CopyFrom(Id.New(Now).ToBytes()), Tenant = "acme", Class = TrafficClass.Campaign, Day = Id.DayOf(Now), AcceptedAt = Now.ToUnixTimeMilliseconds(),
        Recipients =
        {
            new Recipient
            {
                RecipientKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
                Addresses = { new Address { MessageId = ByteString.CopyFrom(Id.New(Now).ToBytes()), Channel = Channel.Push } },
            },
        },
    };

    public static Outcome Routed(this Request request) => request.Outcome(OutcomeKind.Routed, 1);

    public static Outcome Delivered(this Request request) => request.Outcome(OutcomeKind.Delivered, 3);

    public static Outcome Attempted(this Request request)
    {
        var outcome = request.Outcome(OutcomeKind.Attempted, 2);
        (outcome.Verdict, outcome.AttemptEpoch, outcome.Attempt, outcome.Provider, outcome.Lane) = (Verdict.Accepted, 7, 1, "apns", "apns-1");
        return outcome;
    }

    public static Event Opened(string id, Request about) => new()
    {
        EventId = id, Tenant = about.Tenant, UserId = "u", Name = "opened", At = about.AcceptedAt, ReceivedAt = about.AcceptedAt, Day = about.Day,
        MessageId = about.Recipients[0].Addresses[0].MessageId,
    };

    private static Outcome Outcome(this Request request, OutcomeKind kind, int milliseconds) => new()
    {
        MessageId = request.Recipients[0].Addresses[0].MessageId, RequestId = request.RequestId, Tenant = request.Tenant, Class = request.Class, Channel = Channel.Push,
        Day = request.Day, RecipientKey = request.Recipients[0].RecipientKey, Kind = kind, At = request.AcceptedAt + milliseconds, AcceptedAt = request.AcceptedAt,
    };
}
