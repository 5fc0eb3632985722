using System.Text.Json.Nodes;
using Dispatch.Bench.Load;
using Dispatch.Bench.Push;
using Dispatch.Bench.Sides;
using Dispatch.Contracts;

namespace Dispatch.Bench.EndToEnd;

/// <summary>A request to 100 recipients with one address each, a device and a mailbox in turn: half of its messages are notifications, half mails, as in `push` and `email`.</summary>
static class CampaignBody
{
    public const int Messages = 100;
    public const int Notifications = Messages / 2;
    public const int Mails = Messages / 2;
    public const string Label = "news";

    /// <summary>Every recipient of every POST is somebody else.</summary>
    public static string Text { get; } = Make().ToJsonString();

    private static JsonObject Make()
    {
        var mail = EmailContent.Parser.ParseFrom(FilledTopic.Mail);
        return new JsonObject
        {
            ["class"] = "campaign",
            ["labels"] = new JsonArray(Label),
            ["recipients"] = new JsonArray([.. Enumerable.Range(0, Messages).Select(i => i % 2 == 0 ? Device() : Mailbox())]),
            ["content"] = new JsonObject
            {
                ["push"] = new JsonObject { ["title"] = Notification.Title, ["body"] = Notification.Body },
                ["email"] = new JsonObject { ["from"] = mail.From, ["subject"] = mail.Subject, ["text"] = mail.Text },
            },
        };
    }

    private static JsonObject Device() => new()
    {
        ["push"] = new JsonObject { ["provider"] = "apns", ["app"] = Notification.App, ["token"] = Notification.Device(0)[..^Posts.Number.Length] + Posts.Number },
    };

    private static JsonObject Mailbox() => new() { ["email"] = $"user{Posts.Number}@example.org" };
}
