using System.Buffers.Text;
using Dispatch.Sandbox.Http2;

namespace Dispatch.Sandbox.Apns;

/// <summary>An answer other than 200.</summary>
readonly record struct Refusal(int Status, string Reason);

/// <summary>The checks that APNs makes before it looks at the device. Source: Apple, "Sending notification requests to APNs" and "Handling notification responses".</summary>
static class ApnsRequest
{
    const int PayloadMax = 4096;
    const int VoipPayloadMax = 5120;
    const int CollapseIdMax = 64;

    public static ReadOnlySpan<byte> DevicePath => "/3/device/"u8;

    /// <summary>What is wrong with the address, before anybody is authenticated.</summary>
    public static Refusal? PathFault(ReadOnlySpan<byte> method, ReadOnlySpan<byte> path)
    {
        if (!path.StartsWith(DevicePath))
        {
            return new Refusal(404, "BadPath");
        }

        if (!method.SequenceEqual("POST"u8))
        {
            return new Refusal(405, "MethodNotAllowed");
        }

        return path.Length == DevicePath.Length ? new Refusal(400, "MissingDeviceToken") : null;
    }

    /// <summary>What is wrong with the request of somebody who is known.</summary>
    public static Refusal? Fault(HeaderStore headers, int bodyBytes)
    {
        var type = headers["apns-push-type"u8];
        var priority = headers["apns-priority"u8];
        if (headers.TryGet("apns-id"u8, out var id) && !IsUuid(id))
        {
            return new Refusal(400, "BadMessageId");
        }

        if (headers["apns-topic"u8].IsEmpty)
        {
            return new Refusal(400, "MissingTopic");
        }

        if (!type.IsEmpty && !IsPushType(type))
        {
            return new Refusal(400, "InvalidPushType");
        }

        if (!priority.IsEmpty && !IsPriority(priority, type))
        {
            return new Refusal(400, "BadPriority");
        }

        var expiration = headers["apns-expiration"u8];
        if (!expiration.IsEmpty && !(Utf8Parser.TryParse(expiration, out long at, out var digits) && digits == expiration.Length && at >= 0))
        {
            return new Refusal(400, "BadExpirationDate");
        }

        if (headers["apns-collapse-id"u8].Length > CollapseIdMax)
        {
            return new Refusal(400, "BadCollapseId");
        }

        if (bodyBytes == 0)
        {
            return new Refusal(400, "PayloadEmpty");
        }

        return bodyBytes > (type.SequenceEqual("voip"u8) ? VoipPayloadMax : PayloadMax) ? new Refusal(413, "PayloadTooLarge") : null;
    }

    static bool IsUuid(ReadOnlySpan<byte> id) => id.Length == 36 && Utf8Parser.TryParse(id, out Guid _, out var used, 'D') && used == 36;

    /// <summary>A background push asks for 5; with 10 APNs calls it an error.</summary>
    static bool IsPriority(ReadOnlySpan<byte> priority, ReadOnlySpan<byte> type) =>
        priority.SequenceEqual("5"u8) || priority.SequenceEqual("1"u8) || (priority.SequenceEqual("10"u8) && !type.SequenceEqual("background"u8));

    static bool IsPushType(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("alert"u8) || type.SequenceEqual("background"u8) || type.SequenceEqual("voip"u8) || type.SequenceEqual("location"u8)
        || type.SequenceEqual("complication"u8) || type.SequenceEqual("fileprovider"u8) || type.SequenceEqual("mdm"u8) || type.SequenceEqual("liveactivity"u8)
        || type.SequenceEqual("pushtotalk"u8) || type.SequenceEqual("widgets"u8) || type.SequenceEqual("controls"u8);
}
