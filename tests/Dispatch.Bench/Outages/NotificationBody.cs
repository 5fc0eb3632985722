using System.Globalization;
using System.Text.Json.Nodes;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;

namespace Dispatch.Bench.Outages;

/// <summary>A request to so many devices, some 300 bytes for one: the notification of `push`. Every device of every POST is another one.</summary>
static class NotificationBody
{
    private const int TokenLength = 64; // as Apple's are

    /// <param name="device">What its token begins with, so that the provider's log tells the classes apart.</param>
    public static string Of(string trafficClass, string device, int recipients) => new JsonObject
    {
        ["class"] = trafficClass,
        ["recipients"] = new JsonArray([.. Enumerable.Range(0, recipients).Select(_ => Recipient(device))]),
        ["content"] = new JsonObject { ["push"] = new JsonObject { ["title"] = Notification.Title, ["body"] = Notification.Body } },
    }.ToJsonString();

    /// <returns>The number of the POST that a device's token was in, where a POST has one.</returns>
    public static long NumberOf(string token) => long.Parse(token.AsSpan(TokenLength - Posts.Number.Length), CultureInfo.InvariantCulture);

    private static JsonObject Recipient(string device) => new()
    {
        ["push"] = new JsonObject { ["provider"] = "apns", ["app"] = Notification.App, ["token"] = device.PadRight(TokenLength - Posts.Number.Length, '0') + Posts.Number },
    };
}
