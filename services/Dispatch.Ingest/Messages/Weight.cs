using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Ingest.Messages;

/// <summary>
/// What a request comes to in the log, in bytes: its record, and the messages that Router makes of it, each of which carries the content of its channel, the variables
/// and the metadata. Pure.
/// </summary>
sealed class Weight(MessageDraft draft)
{
    /// <summary>A request to a single recipient is one record, and must be routed on: every hop adds to it, at most a few hundred bytes.</summary>
    public const int RecordBytesMax = Record.ValueBytesMax - (64 * 1_024);

    private readonly int _push = draft.Push?.CalculateSize() ?? 0;
    private readonly int _email = draft.Email?.CalculateSize() ?? 0;
    private readonly int _sms = draft.Sms?.CalculateSize() ?? 0;
    private readonly int _shared = draft.Request.Variables.Length + draft.Request.Metadata.Length;

    public long OfRecord(Recipient recipient) => (long)_push + _email + _sms + _shared + recipient.CalculateSize();

    public long OfMessages(Recipient recipient)
    {
        long sum = 0;
        foreach (var address in recipient.Addresses)
        {
            sum += Of(address.Channel) + _shared + recipient.Variables.Length;
        }

        return sum;
    }

    private int Of(Channel channel) => channel switch { Channel.Push => _push, Channel.Email => _email, _ => _sms };
}
