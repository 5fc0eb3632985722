using System.Buffers.Binary;
using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;

namespace Dispatch.Channels.Flow;

/// <summary>The records by which a message goes on elsewhere. Pure; each takes the message as it is now.</summary>
static class Onward
{
    /// <summary>Kept free for what is added to a message here: a reason, an attempt more, a time.</summary>
    private const int Room = 8 * 1024;

    /// <summary>Of the record that came. A larger one might not fit where it goes on to, and a record that the log refuses would stop its whole partition.</summary>
    public const int IncomingBytesMax = Record.StoredBytesMax - Room;

    /// <summary>A provider's words go on with the message: only so many of them.</summary>
    public const int ReasonLengthMax = 1_024;

    public static Record ToRetry(WorkItem item, DateTimeOffset notBefore, TimeSpan delay)
    {
        item.Message.NotBefore = notBefore.ToUnixTimeMilliseconds();
        item.Message.HoldReason = "";
        return Of(item, Topics.Retry(item.Message.Channel, item.Message.Class, delay), item.Message.NotBefore);
    }

    /// <param name="notBefore">Null: at once.</param>
    public static Record ToReroute(WorkItem item, DateTimeOffset? notBefore = null)
    {
        item.Message.NotBefore = notBefore?.ToUnixTimeMilliseconds() ?? 0;
        item.Message.HoldReason = "";
        return Of(item, Topics.Reroute(item.Message.Class), item.Message.NotBefore);
    }

    /// <summary>A kept message, whose record is not ours any more: it is appended alone, perhaps twice, so it carries an id of which Router lets one go on.</summary>
    /// <param name="notBefore">Unix milliseconds; 0: at once.</param>
    public static Record ToReroute(Message kept, ReadOnlyMemory<byte> traceParent, long notBefore)
    {
        (kept.NotBefore, kept.HoldReason, kept.ParkingId) = (notBefore, "", ByteString.CopyFrom(ParkingId(kept).ToBytes()));
        return Of(kept, traceParent, Topics.Reroute(kept.Class), notBefore);
    }

    public static Record ToHeld(Message kept, ReadOnlyMemory<byte> traceParent, string reason)
    {
        (kept.HoldReason, kept.NotBefore) = (reason, 0);
        return Of(kept, traceParent, Topics.Held(kept.Class), 0);
    }

    public static Record ToHeld(WorkItem item, string reason, DateTimeOffset? notBefore = null)
    {
        item.Message.HoldReason = reason;
        item.Message.NotBefore = notBefore?.ToUnixTimeMilliseconds() ?? 0;
        return Of(item, Topics.Held(item.Message.Class), item.Message.NotBefore);
    }

    /// <summary>The message as it is, with what was tried; the same message parked for the same attempts has the same parking id.</summary>
    public static Record ToQuarantine(WorkItem item, string exception, DateTimeOffset at, string service) =>
        ToQuarantine(item.Feed.Partition.Id, item.Origin.Offset, item.Message, exception, at, service);

    public static Record ToQuarantine(TopicPartition from, long offset, Message message, string exception, DateTimeOffset at, string service) =>
        ToQuarantine(from, offset, message.RecipientKey.Memory, message.ToByteArray(), ParkingId(message), exception, at, service, message);

    /// <summary>A record that is no message.</summary>
    public static Record ToQuarantine(Feed feed, Entry entry, string exception, DateTimeOffset at, string service) =>
        ToQuarantine(feed.Partition.Id, entry.Offset, entry.Key, entry.Value, ParkingId(feed, entry), exception, at, service, null);

    public static Id ParkingId(Message message) =>
        Id.Derive(message.Day, message.MessageId.Memory, BitConverter.GetBytes(message.Attempts), "quarantine"u8.ToArray());

    private static Id ParkingId(Feed feed, Entry entry) => Id.Derive(
        Id.DayOf(entry.AppendedAt), System.Text.Encoding.UTF8.GetBytes(feed.Partition.Id.Topic), BitConverter.GetBytes(feed.Partition.Id.Partition), BitConverter.GetBytes(entry.Offset));

    private static Record ToQuarantine(
        TopicPartition from, long offset, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, Id parking, string exception, DateTimeOffset at, string service, Message? message) =>
        new(Topics.Quarantine, key, new Quarantined
        {
            ParkingId = ByteString.CopyFrom(parking.ToBytes()),
            Topic = from.Topic,
            Partition = (uint)from.Partition,
            Offset = offset,
            Key = ByteString.CopyFrom(key.Span),
            Value = ByteString.CopyFrom(value.Span),
            Exception = exception,
            At = at.ToUnixTimeMilliseconds(),
            Service = service,
            MessageId = message?.MessageId ?? ByteString.Empty,
            Tenant = message?.Tenant ?? "",
        }.ToBytes(Record.StoredBytesMax));

    private static Record Of(WorkItem item, string topic, long notBefore) => Of(item.Message, item.TraceParent, topic, notBefore);

    private static Record Of(Message message, ReadOnlyMemory<byte> traceParent, string topic, long notBefore)
    {
        var headers = new List<RecordHeader>(2);
        if (!traceParent.IsEmpty)
        {
            headers.Add(new RecordHeader(RecordHeaders.TraceParent, traceParent));
        }

        if (notBefore > 0)
        {
            var bytes = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(bytes, notBefore);
            headers.Add(new RecordHeader(RecordHeaders.NotBefore, bytes));
        }

        return new Record(topic, message.RecipientKey.Memory, message.ToByteArray()) { Headers = headers };
    }
}
