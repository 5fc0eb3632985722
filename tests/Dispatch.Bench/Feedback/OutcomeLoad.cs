using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Bench.Feedback;

/// <summary>Two outcomes a message, routed and accepted by a provider, and both once more for one message in ten.</summary>
static class OutcomeLoad
{
    private const int PerMessage = 2;
    private const int RepeatedEvery = 10;

    public static IEnumerable<(byte[] Key, byte[] Value)> Make(long messages)
    {
        var now = DateTimeOffset.UtcNow;
        for (long i = 0; i < messages; i++)
        {
            var key = Guid.NewGuid().ToByteArray();
            var routed = Outcome(OutcomeKind.Routed, key, now);
            var attempted = new Outcome(routed)
            {
                Kind = OutcomeKind.Attempted, State = State.Sent, Verdict = Verdict.Accepted, AttemptEpoch = 7, Attempt = 1, Provider = "apns", Lane = "apns-1",
                ProviderMessageId = Guid.NewGuid().ToString(),
            };
            for (var times = i % RepeatedEvery == 0 ? 2 : 1; times > 0; times--)
            {
                yield return (key, routed.ToByteArray());
                yield return (key, attempted.ToByteArray());
            }
        }
    }

    /// <summary>Facts, without the repeats.</summary>
    public static long Facts(long messages) => messages * PerMessage;

    /// <summary>Records, with the repeats.</summary>
    public static long Records(long messages) => (messages + ((messages + RepeatedEvery - 1) / RepeatedEvery)) * PerMessage;

    private static Outcome Outcome(OutcomeKind kind, byte[] key, DateTimeOffset now) => new()
    {
        MessageId = ByteString.CopyFrom(Id.Derive(Id.DayOf(now), key).ToBytes()), RequestId = ByteString.CopyFrom(Id.New(now).ToBytes()), RecipientKey = ByteString.CopyFrom(key),
        Tenant = "bench", Class = TrafficClass.Campaign, Channel = Channel.Push, Day = Id.DayOf(now), Kind = kind, State = State.Routed, At = now.ToUnixTimeMilliseconds(),
        AcceptedAt = now.ToUnixTimeMilliseconds(), Campaign = "spring",
    };
}
