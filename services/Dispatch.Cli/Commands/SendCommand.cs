using System.CommandLine;
using System.Text.Json.Nodes;
using Dispatch.Cli.Api;

namespace Dispatch.Cli.Commands;

/// <summary>Sends one message to one address, and tells what happens to it until it is at an end.</summary>
static class SendCommand
{
    public static Command Create()
    {
        var to = new Option<string>("--to") { Description = "ada@example.org, +33612345678, or a push token as apns:APP:TOKEN or fcm:APP:TOKEN.", Required = true };
        var text = new Option<string>("--text") { Description = "What it says.", DefaultValueFactory = _ => "Hello from Dispatch" };
        var of = new Option<string>("--class") { Description = "transactional, automation or campaign.", DefaultValueFactory = _ => "transactional" };
        of.AcceptOnlyFromAmong("transactional", "automation", "campaign");
        var user = new Option<string?>("--user") { Description = "user_id that the address belongs to." };
        var command = new Command("send", "Sends a test message and watches what happens to it.") { to, text, of, user };
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            return await RunAsync(client, parsed.GetValue(to)!, parsed.GetValue(text)!, parsed.GetValue(of)!, parsed.GetValue(user), stop);
        });
        return command;
    }

    private static async Task<int> RunAsync(ApiClient client, string to, string text, string of, string? user, CancellationToken stop)
    {
        var recipient = user is null ? new JsonObject() : new JsonObject { ["user_id"] = user };
        var content = new JsonObject();
        if (to.Split(':') is ["apns" or "fcm", var app, var token])
        {
            recipient["push"] = new JsonObject { ["provider"] = to.Split(':')[0], ["app"] = app, ["token"] = token };
            content["push"] = new JsonObject { ["title"] = "Dispatch", ["body"] = text };
        }
        else if (to.StartsWith('+'))
        {
            recipient["phone"] = to;
            content["sms"] = new JsonObject { ["from"] = "DISPATCH", ["text"] = text };
        }
        else
        {
            recipient["email"] = to;
            content["email"] = new JsonObject { ["from"] = "Dispatch <no-reply@dispatch.example>", ["subject"] = text, ["text"] = text };
        }

        var body = new JsonObject { ["class"] = of, ["recipients"] = new JsonArray(recipient), ["content"] = content, ["labels"] = new JsonArray("test") };
        var answer = (await client.PostAsync("/v1/messages", body, Guid.NewGuid().ToString("N"), stop)).EnsureSuccess();
        var id = (string)answer.Body!["messages"]![0]!["message_id"]!;
        Console.WriteLine($"{id} accepted, durable in the {answer.Body["durable"]}");
        return await WatchAsync(client, id, stop);
    }

    private static async Task<int> WatchAsync(ApiClient client, string id, CancellationToken stop)
    {
        var told = 0;
        while (true)
        {
            var answer = await client.GetAsync($"/v1/messages/{id}", stop);
            if (answer.Success)
            {
                var timeline = answer.Body!["timeline"]?.AsArray() ?? [];
                foreach (var entry in timeline.Skip(told))
                {
                    Console.WriteLine($"  {entry!["at"]}  {Words(entry)}");
                }

                told = timeline.Count;
                if (Gameday.Verdict.FinalStates.Contains((string)answer.Body["state"]!))
                {
                    Console.WriteLine($"{id} {answer.Body["state"]} {answer.Body["reason"]}".TrimEnd());
                    return (string)answer.Body["state"]! is "sent" or "delivered" ? 0 : 1;
                }
            }
            else if ((string?)answer.Body?["code"] != "not_yet_known")
            {
                answer.EnsureSuccess();
            }

            await Task.Delay(200, stop);
        }
    }

    private static string Words(JsonNode entry) =>
        string.Join(' ', new[] { "kind", "verdict", "provider", "lane", "reason" }.Select(it => (string?)entry[it]).Where(it => !string.IsNullOrEmpty(it)));
}
