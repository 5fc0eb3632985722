using System.Text.Json.Nodes;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;

namespace Dispatch.Bench.Outages;

/// <summary>A request to one device, some 300 bytes: the notification of `push`. Every POST is to another device.</summary>
static class NotificationBody
{
    private const int TokenLength = 64; // as Apple's are

    /// <param name="device">What its token begins with, so that the provider's log tells the classes apart.</param>
    public static string Of(string trafficClass, string device) => new JsonObject
    {
        ["class"] = trafficClass,
        ["recipients"] = new JsonArray(
            new JsonObject { ["push"] = new JsonObject { ["provider"] = "apns", ["app"] = Notification.App, ["token"] = device.PadRight(TokenLength - Posts.Number.Length, '0') + Posts.Number } }),
        ["content"] = new JsonObject { ["push"] = new JsonObject { ["title"] = Notification.Title, ["body"] = Notification.Body } },
    }.ToJsonString();

    /// <returns>The number of the POST that a device's token was in.</returns>
    public static long NumberOf(string token) => long.Parse(token.AsSpan(TokenLength - Posts.Number.Length), System.Globalization.CultureInfo.InvariantCulture);
}
