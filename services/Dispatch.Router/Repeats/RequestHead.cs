using System.Buffers.Binary;
using Dispatch.Contracts;

namespace Dispatch.Router.Repeats;

/// <summary>
/// What tells one request record from another, read without decoding the rest: looking repeats up may pass over hours of records.
/// </summary>
/// <param name="Key">The request id without its day, and the chunk: equal records have equal keys.</param>
/// <param name="Messages">A sum over the message ids: two records with equal keys and sums promise the same messages.</param>
/// <param name="RepeatSince">Unix milliseconds; not 0: the record is marked, an equal one may stand in the log since then.</param>
readonly record struct RequestHead(UInt128 Key, ulong Messages, long RepeatSince)
{
    private static readonly UInt128 WithoutDay = (UInt128.One << 112) - 1;

    public bool IsMarked => RepeatSince != 0;

    public static RequestHead Of(Request request)
    {
        var messages = 0UL;
        foreach (var recipient in request.Recipients)
        {
            foreach (var address in recipient.Addresses)
            {
                messages += Word(address.MessageId.Span);
            }
        }

        return new RequestHead(KeyOf(Id.From(request.RequestId.Span), request.Chunk), messages, request.RepeatSince);
    }

    /// <returns>False: the bytes are no request; whoever routes them says so.</returns>
    public static bool TryRead(ReadOnlySpan<byte> record, out RequestHead head)
    {
        var (id, chunk, messages, repeatSince) = (default(Id), 0u, 0UL, 0L);
        var fields = new WireFields(record);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case Request.RequestIdFieldNumber when fields.Bytes.Length == Id.Size:
                    id = Id.From(fields.Bytes);
                    break;
                case Request.ChunkFieldNumber:
                    chunk = (uint)fields.Varint;
                    break;
                case Request.RepeatSinceFieldNumber:
                    repeatSince = (long)fields.Varint;
                    break;
                case Request.RecipientsFieldNumber:
                    messages += MessagesOf(fields.Bytes);
                    break;
                default:
                    break;
            }
        }

        head = new RequestHead(KeyOf(id, chunk), messages, repeatSince);
        return !fields.Broken && id != default;
    }

    private static ulong MessagesOf(ReadOnlySpan<byte> recipient)
    {
        var messages = 0UL;
        var fields = new WireFields(recipient);
        while (fields.Next())
        {
            if (fields.Number != Recipient.AddressesFieldNumber)
            {
                continue;
            }

            var address = new WireFields(fields.Bytes);
            while (address.Next())
            {
                messages += address.Number == Address.MessageIdFieldNumber ? Word(address.Bytes) : 0;
            }
        }

        return messages;
    }

    /// <summary>The day is left out: a repeat that comes after midnight while the store is away gets that day, and is the same request.</summary>
    private static UInt128 KeyOf(Id request, uint chunk) => (request.Value & WithoutDay) ^ ((UInt128)chunk * 0x9E3779B97F4A7C15UL);

    private static ulong Word(ReadOnlySpan<byte> messageId) => messageId.Length == Id.Size ? BinaryPrimitives.ReadUInt64BigEndian(messageId[8..]) : 0;
}
