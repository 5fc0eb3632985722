using Dispatch.Channels;
using Google.Protobuf;

namespace Dispatch.Sms.Tests.HttpSms;

/// <summary>Messages as the Router hands them over.</summary>
static class Messages
{
    public static readonly Permit Always = new(() => true);

    public static Message To(string phone, string text = "Your code: {{code}}", string from = "SHOP", string variables = """{"code":"4711"}""") => new()
    {
        MessageId = ByteString.CopyFrom(Id.New(DateTimeOffset.UtcNow).ToBytes()),
        Tenant = "shop",
        Class = TrafficClass.Transactional,
        Channel = Channel.Sms,
        Address = new Address { Channel = Channel.Sms, Value = phone },
        Content = new SmsContent { From = from, Text = text }.ToByteString(),
        Variables = ByteString.CopyFromUtf8(variables),
    };

    public static string TextId(this Message message) => Id.From(message.MessageId.Span).ToText(IdPrefix.Message);

    /// <returns>The permit holds for so many looks.</returns>
    public static Permit Looks(int count) => new(() => count-- > 0);
}
