using Dispatch.Channels;
using Google.Protobuf;

namespace Dispatch.Email.Tests.Smtp;

/// <summary>Messages as the Router hands them over.</summary>
static class Messages
{
    public static readonly Permit Always = new(() => true);

    public static Message To(string address, EmailContent? content = null, string variables = "") => new()
    {
        MessageId = ByteString.CopyFrom(Id.New(DateTimeOffset.UtcNow).ToBytes()),
        Tenant = "shop",
        Class = TrafficClass.Transactional,
        Channel = Channel.Email,
        Address = new Address { Channel = Channel.Email, Value = address },
        Content = (content ?? Content()).ToByteString(),
        Variables = ByteString.CopyFromUtf8(variables),
        AcceptedAt = 1_700_000_000_000,
    };

    public static EmailContent Content(string text = "Hello") => new() { From = "Shop <no-reply@shop.example>", Subject = "Your code", Text = text };

    public static string TextId(this Message message) => Id.From(message.MessageId.Span).ToText(IdPrefix.Message);

    /// <returns>The permit holds for so many looks.</returns>
    public static Permit Looks(int count) => new(() => count-- > 0);
}
