using System.Text;
using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Push.Tests;

/// <summary>Messages as the Router would have written them.</summary>
static class Messages
{
    public static readonly DateTimeOffset AcceptedAt = new(2026, 8, 3, 12, 0, 0, TimeSpan.Zero);

    public static readonly Permit Always = new(() => true);

    /// <summary>A fixed id, so that golden files can hold it.</summary>
    public static readonly Id FixedId = new((UInt128)20_668 << 112 | 0x1234_5678_9ABC_DEF0);

    public static Message Push(string token, PushContent content, string variables = "", string provider = "apns", Id? id = null) => new()
    {
        MessageId = ByteString.CopyFrom((id ?? FixedId).ToBytes()),
        Tenant = "acme",
        Class = TrafficClass.Transactional,
        Channel = Channel.Push,
        Address = new Address { Channel = Channel.Push, Value = token, Provider = provider, App = "shop-ios" },
        Content = content.ToByteString(),
        Variables = ByteString.CopyFrom(Encoding.UTF8.GetBytes(variables)),
        AcceptedAt = AcceptedAt.ToUnixTimeMilliseconds(),
        ExpiresAt = AcceptedAt.AddMinutes(5).ToUnixTimeMilliseconds(),
    };

    public static Message Hello(string token = "9f1c", string provider = "apns") =>
        Push(token, new PushContent { Title = "Hello", Body = "World" }, "", provider, Id.New(DateTimeOffset.UtcNow));
}
