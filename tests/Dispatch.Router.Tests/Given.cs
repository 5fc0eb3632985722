using System.Security.Cryptography;
using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Router.Tests;

/// <summary>Records as Ingest writes them.</summary>
static class Given
{
    public const string Tenant = "shop";

    public static byte[] Recipient() => RandomNumberGenerator.GetBytes(RecipientKey.Size);

    public static Request Request(TrafficClass of, params IEnumerable<Recipient> recipients)
    {
        var now = DateTimeOffset.UtcNow;
        var id = Id.New(now);
        var request = new Request
        {
            RequestId = Bytes(id),
            Tenant = Tenant,
            Class = of,
            Day = Id.DayOf(now),
            AcceptedAt = now.ToUnixTimeMilliseconds(),
            ExpiresAt = now.AddHours(1).ToUnixTimeMilliseconds(),
            Chunks = 1,
            Content = new Content
            {
                Push = new PushContent { Title = "Your code" }.ToByteString(),
                Email = new EmailContent { Subject = "Your code" }.ToByteString(),
                Sms = new SmsContent { Text = "Your code" }.ToByteString(),
            },
            Labels = { "otp" },
            Recipients = { recipients },
        };
        foreach (var recipient in request.Recipients)
        {
            foreach (var address in recipient.Addresses)
            {
                address.MessageId = Bytes(Id.OfMessage(id, recipient.RecipientKey.Span, address.Channel, address.Provider, address.App, address.Value));
            }
        }

        return request;
    }

    /// <summary>One message on one channel.</summary>
    public static Request Request(TrafficClass of, byte[] recipient, Channel channel) => Request(of, Reached(recipient, channel));

    public static Recipient Reached(byte[] key, params IEnumerable<Channel> channels) => new()
    {
        RecipientKey = ByteString.CopyFrom(key),
        UserId = "u",
        Addresses = { channels.Select(channel => Address(key, channel)) },
    };

    public static Address Address(byte[] recipient, Channel channel) => new()
    {
        Channel = channel,
        Value = $"{Convert.ToHexStringLower(recipient)}@{Topics.Name(channel)}",
        Provider = channel == Channel.Push ? "apns" : "",
        App = channel == Channel.Push ? "shop-ios" : "",
        AddressKey = ByteString.CopyFrom(AddressKey(recipient, channel)),
    };

    public static byte[] AddressKey(byte[] recipient, Channel channel) => SHA256.HashData([.. recipient, (byte)channel])[..16];

    public static Id FirstMessage(this Request request) => Id.From(request.Recipients[0].Addresses[0].MessageId.Span);

    /// <summary>As it comes back through `reroute`.</summary>
    public static Message Rerouted(Request request)
    {
        var (recipient, address) = (request.Recipients[0], request.Recipients[0].Addresses[0]);
        return new Message
        {
            MessageId = address.MessageId,
            RequestId = request.RequestId,
            Tenant = request.Tenant,
            Class = request.Class,
            Channel = address.Channel,
            Day = request.Day,
            RecipientKey = recipient.RecipientKey,
            Address = address,
            Content = request.Content.Email,
            AcceptedAt = request.AcceptedAt,
            ExpiresAt = request.ExpiresAt,
            Labels = { request.Labels },
            Attempts = 1,
        };
    }

    public static ByteString Bytes(Id id) => ByteString.CopyFrom(id.ToBytes());
}
