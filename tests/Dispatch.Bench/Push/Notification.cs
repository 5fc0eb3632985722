using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Bench.Push;

/// <summary>The notification that both sides send, to a device of its own each.</summary>
static class Notification
{
    public const string App = "shop";
    public const string Title = "News of the week";
    public const string Body = "Something new has come to the shop, and this line tells of it.";

    public static ByteString Content { get; } = new PushContent { Title = Title, Body = Body }.ToByteString();

    public static string Device(long number) => $"device{number:x58}"; // 64 characters, as Apple's are
}
