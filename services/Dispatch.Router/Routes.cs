using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Google.Protobuf;

namespace Dispatch.Router;

/// <summary>Where decided messages go: to their channel, to be parked, or nowhere; and what is written down about each. All of it in one commit.</summary>
static class Routes
{
    public static List<Record> Of(List<Passage> passages, DateTimeOffset now)
    {
        var records = new List<Record>(passages.Count * 2);
        foreach (var passage in passages)
        {
            Add(records, passage, now);
        }

        return records;
    }

    private static void Add(List<Record> records, Passage passage, DateTimeOffset now)
    {
        var message = passage.Message;
        switch (passage.Fate)
        {
            case Fate.Routed:
                message.RoutedAt = now.ToUnixTimeMilliseconds();
                message.NotBefore = 0;
                message.HoldReason = "";
                message.ParkingId = ByteString.Empty;
                records.Add(To(Topics.Messages(message.Channel, message.Class), passage));
                break;
            case Fate.Held:
                message.HoldReason = passage.Reason;
                message.ParkingId = ByteString.CopyFrom(Id.New(now).ToBytes());
                records.Add(To(Topics.Held(message.Class), passage));
                break;
            default:
                break;
        }

        if (passage is { Fate: Fate.Held, Reason: HoldReasons.Retry })
        {
            return; // it is still being sent; only its next attempt is not due
        }

        var outcome = Outcomes.Of(message, passage.Fate, passage.Reason, now);
        records.Add(outcome.ToRecord(passage.Headers));
        if (passage.Fate == Fate.Routed && message.CapCheck == CapCheck.NotChecked)
        {
            records.Add(new Record(Topics.Charges, message.RecipientKey.Memory, outcome.ToByteArray()));
        }
    }

    private static Record To(string topic, Passage passage) =>
        new(topic, passage.Message.RecipientKey.Memory, passage.Message.ToByteArray()) { Headers = passage.Headers };
}
