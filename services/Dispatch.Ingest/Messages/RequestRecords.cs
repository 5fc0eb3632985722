using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;

namespace Dispatch.Ingest.Messages;

/// <summary>A checked request to the records of its topic: at most 100 recipients, 3.5 MiB and 8 MiB of messages each (one recipient is never cut), all with the ids to expect. Pure.</summary>
static class RequestRecords
{
    public const int ChunkRecipientsMax = 100;
    private const int ChunkBytesMax = Record.ValueBytesMax - (512 * 1_024);

    /// <summary>What Router makes of one record is in its memory at once.</summary>
    private const long ChunkExpandedBytesMax = 8 * 1_024 * 1_024;

    /// <summary>Fills in what the record needs beyond what was posted.</summary>
    public static void Complete(MessageDraft draft, Id request, string tenant, DateTimeOffset firstAt, DateTimeOffset? repeatSince)
    {
        var record = draft.Request;
        record.RequestId = UnsafeByteOperations.UnsafeWrap(request.ToBytes());
        record.Tenant = tenant;
        record.Day = Id.DayOf(firstAt);
        record.AcceptedAt = firstAt.ToUnixTimeMilliseconds();
        record.ExpiresAt = (firstAt + (draft.TtlSeconds is { } ttl ? TimeSpan.FromSeconds(ttl) : MessageRules.DefaultTtl(record.Class))).ToUnixTimeMilliseconds();
        record.RepeatSince = repeatSince?.ToUnixTimeMilliseconds() ?? 0;
        record.Content = new Content
        {
            Push = draft.Push?.ToByteString() ?? ByteString.Empty,
            Email = draft.Email?.ToByteString() ?? ByteString.Empty,
            Sms = draft.Sms?.ToByteString() ?? ByteString.Empty,
        };
        foreach (var recipient in draft.Recipients)
        {
            foreach (var address in recipient.Recipient.Addresses)
            {
                var id = Id.OfMessage(request, recipient.Recipient.RecipientKey.Span, address.Channel, address.Provider, address.App, address.Value);
                address.MessageId = UnsafeByteOperations.UnsafeWrap(id.ToBytes());
            }
        }
    }

    public static void AddTo(List<Record> records, MessageDraft draft, IReadOnlyList<RecordHeader> headers)
    {
        var reachable = new List<Recipient>(draft.Recipients.Count);
        foreach (var it in draft.Recipients)
        {
            if (it.Recipient.Addresses.Count > 0)
            {
                reachable.Add(it.Recipient);
            }
        }

        var chunks = Cut(reachable, draft);
        for (var i = 0; i < chunks.Count; i++)
        {
            var record = chunks.Count == 1 ? draft.Request : draft.Request.Clone();
            record.Chunk = (uint)i;
            record.Chunks = (uint)chunks.Count;
            record.Recipients.AddRange(chunks[i]);
            records.Add(new Record(Topics.Requests(record.Class), record.Recipients[0].RecipientKey.Memory, record.ToByteArray()) { Headers = headers });
        }
    }

    private static List<List<Recipient>> Cut(List<Recipient> recipients, MessageDraft draft)
    {
        if (recipients.Count == 1)
        {
            return [recipients];
        }

        var weight = new Weight(draft);
        var room = ChunkBytesMax - draft.Request.CalculateSize();
        var (chunks, bytes, expanded) = (new List<List<Recipient>> { new() }, 0, 0L);
        foreach (var recipient in recipients)
        {
            var size = recipient.CalculateSize() + 8;
            var messages = weight.OfMessages(recipient);
            if (chunks[^1].Count == ChunkRecipientsMax || (chunks[^1].Count > 0 && (bytes + size > room || expanded + messages > ChunkExpandedBytesMax)))
            {
                chunks.Add([]);
                (bytes, expanded) = (0, 0);
            }

            chunks[^1].Add(recipient);
            bytes += size;
            expanded += messages;
        }

        return chunks;
    }
}
