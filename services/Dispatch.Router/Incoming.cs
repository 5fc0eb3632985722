using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;

namespace Dispatch.Router;

/// <summary>A record of `requests.*` or `reroute.*`, decoded: exactly one of the two is set.</summary>
sealed record Incoming(Entry Entry, Request? Request, Message? Message)
{
    /// <summary>How many messages come of it.</summary>
    public int Messages { get; } = Request?.Recipients.Sum(recipient => recipient.Addresses.Count) ?? 1;

    /// <summary>What they take in memory and in the log, nearly: every message carries what the request says once for all.</summary>
    public long Bytes => Request is null ? Entry.Value.Length : Entry.Value.Length + ((long)Messages * SharedBytes(Request));

    /// <exception cref="InvalidProtocolBufferException">Not such a record.</exception>
    /// <exception cref="InvalidDataException">A record that nothing can be decided about.</exception>
    public static Incoming Read(string topic, Entry entry)
    {
        var record = ReadUnchecked(topic, entry);
        if (record.Request is { } request)
        {
            Check(request);
        }
        else
        {
            Check(record.Message!);
        }

        return record;
    }

    /// <exception cref="InvalidProtocolBufferException">Not such a record.</exception>
    public static Incoming ReadUnchecked(string topic, Entry entry) => topic.StartsWith("requests.", StringComparison.Ordinal)
        ? new Incoming(entry, Request.Parser.ParseFrom(entry.Value.Span), null)
        : new Incoming(entry, null, Message.Parser.ParseFrom(entry.Value.Span));

    private static int SharedBytes(Request request) =>
        Math.Max(request.Content?.Push.Length ?? 0, Math.Max(request.Content?.Email.Length ?? 0, request.Content?.Sms.Length ?? 0)) + request.Variables.Length + request.Metadata.Length
        + request.Labels.Sum(label => label.Length) + request.Campaign.Length;

    private static void Check(Request request)
    {
        Require(request.RequestId.Length == Id.Size, "request_id");
        Require(request.Tenant.Length > 0, "tenant");
        Require(request.Class is TrafficClass.Transactional or TrafficClass.Automation or TrafficClass.Campaign, "class");
        foreach (var recipient in request.Recipients)
        {
            Require(recipient.RecipientKey.Length == RecipientKey.Size, "recipient_key");
            foreach (var address in recipient.Addresses)
            {
                Check(address, address.MessageId, address.Channel);
            }
        }
    }

    private static void Check(Message message)
    {
        Require(message.RequestId.Length == Id.Size, "request_id");
        Require(message.Tenant.Length > 0, "tenant");
        Require(message.Class is TrafficClass.Transactional or TrafficClass.Automation or TrafficClass.Campaign, "class");
        Require(message.RecipientKey.Length == RecipientKey.Size, "recipient_key");
        Require(message.Address is not null, "address");
        Check(message.Address!, message.MessageId, message.Channel);
    }

    private static void Check(Address address, ByteString messageId, Channel channel)
    {
        Require(messageId.Length == Id.Size, "message_id");
        Require(channel is Channel.Push or Channel.Email or Channel.Sms, "channel");
        Require(address.AddressKey.Length == RecipientKey.Size, "address_key"); // without it nobody can tell whether the address is suppressed
    }

    private static void Require(bool holds, string field)
    {
        if (!holds)
        {
            throw new InvalidDataException($"the record's {field} is missing or malformed");
        }
    }
}
