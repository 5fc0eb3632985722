using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Testing;
using Google.Protobuf;

namespace Dispatch.Store.Tests;

/// <summary>What hops write about messages, made by hand.</summary>
static class LedgerStories
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    public const int RetentionDays = 30;

    /// <summary>At noon, whatever the machine's clock says.</summary>
    public static Ledger Ledger(TestDatabase database) => new(database.Database, States.Order, new NoonClock(), RetentionDays);

    public static long At(int second) => Noon.AddSeconds(second).ToUnixTimeMilliseconds();

    public static Request Request(string tenant = "acme", int messages = 1, TrafficClass of = TrafficClass.Campaign, params string[] labels)
    {
        var request = new Request
        {
            RequestId = ByteString.CopyFrom(Id.New(Noon).ToBytes()), Tenant = tenant, Class = of, Day = Id.DayOf(Noon), AcceptedAt = At(0), ExpiresAt = At(3600),
            Labels = { labels }, Campaign = "spring",
        };
        for (var i = 0; i < messages; i++)
        {
            request.Recipients.Add(new Recipient
            {
                RecipientKey = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()),
                Addresses = { new Address { MessageId = ByteString.CopyFrom(Id.New(Noon).ToBytes()), Channel = Channel.Push } },
            });
        }

        return request;
    }

    public static Id MessageId(this Request request, int message = 0) => Id.From(request.Recipients[message].Addresses[0].MessageId.Span);

    public static Outcome Routed(this Request request, int second = 1, int message = 0) => request.Outcome(OutcomeKind.Routed, second, message);

    public static Outcome Held(this Request request, int second, int message = 0) => request.Outcome(OutcomeKind.Held, second, message);

    public static Outcome Attempted(this Request request, int second, Verdict verdict = Verdict.Accepted, uint attempt = 1, int message = 0)
    {
        var outcome = request.Outcome(OutcomeKind.Attempted, second, message);
        (outcome.Verdict, outcome.AttemptEpoch, outcome.Attempt, outcome.Provider, outcome.Lane) = (verdict, 7, attempt, "apns", "apns-1");
        outcome.NothingLeft = verdict == Verdict.Rejected;
        outcome.State = States.Of(new Outcome { Kind = OutcomeKind.Attempted, Verdict = verdict });
        return outcome;
    }

    public static Outcome Outcome(this Request request, OutcomeKind kind, int second, int message = 0) => new()
    {
        MessageId = request.Recipients[message].Addresses[0].MessageId, RequestId = request.RequestId, Tenant = request.Tenant, Class = request.Class, Channel = Channel.Push,
        Day = request.Day, RecipientKey = request.Recipients[message].RecipientKey, Kind = kind, At = At(second), Labels = { request.Labels }, Campaign = request.Campaign,
        AcceptedAt = request.AcceptedAt, State = States.Of(new Outcome { Kind = kind }),
    };

    /// <summary>As a gateway's hook writes it, which knows nothing but the message id.</summary>
    public static Outcome Receipt(this Request request, OutcomeKind kind, int second, string sourceId = "r-1") => new()
    {
        MessageId = request.Recipients[0].Addresses[0].MessageId, Day = request.Day, Kind = kind, At = At(second), SourceId = sourceId, Provider = "apns",
        State = States.Of(new Outcome { Kind = kind }),
    };

    public static Event Event(string eventId, string name, Id? message = null, string tenant = "acme", int second = 30) => new()
    {
        EventId = eventId, Tenant = tenant, UserId = "u", Name = name, At = At(second), ReceivedAt = At(second + 1), Day = Id.DayOf(Noon),
        MessageId = message is { } id ? ByteString.CopyFrom(id.ToBytes()) : ByteString.Empty,
    };

    public static LedgerBatch Batch(params object[] records)
    {
        var batch = new LedgerBatch();
        foreach (var record in records)
        {
            switch (record)
            {
                case Request request: batch.Expect(request.Clone()); break;
                case Outcome outcome: batch.Learn(outcome.Clone()); break;
                case Event happened: batch.Learn(happened.Clone()); break;
                case PositionMove move: batch.Move(move); break;
                case BlindMark mark: batch.Mark(mark); break;
            }
        }

        return batch;
    }

    private sealed class NoonClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Noon;
    }
}
