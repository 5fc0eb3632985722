using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Dispatch.Cli.Commands;

/// <summary>Thin client of `/v1/operate/divert`: where new records go, and moving them to another cluster (docs/runbooks/cluster-migration.md).</summary>
static class DivertCommand
{
    public static Command Create()
    {
        var command = new Command("divert", "Shows where new records go when several Kafka clusters are attached.");
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            Print((await client.GetAsync("/v1/operate/divert", stop)).EnsureSuccess().Body!);
        });
        command.Subcommands.Add(To());
        return command;
    }

    private static Command To()
    {
        var weights = new Argument<string>("weights") { Description = "By cluster, in parts of the sum: main=0,east=100." };
        var percent = new Option<int>("--canary-percent") { Description = "How much of it moves at first; 0: all of it at once.", DefaultValueFactory = _ => 1 };
        var seconds = new Option<int>("--canary-seconds") { Description = "For how long, 10 to 3 600.", DefaultValueFactory = _ => 60 };
        var reason = new Option<string>("--reason") { Description = "Why; whoever finds it reads it.", Required = true };
        var owner = new Option<string>("--owner") { Description = "Who answers for it.", DefaultValueFactory = _ => Environment.UserName };
        var expires = new Option<int>("--expires-in") { Description = "Seconds until the configured weights hold again, 60 to 604 800.", DefaultValueFactory = _ => 86_400 };
        var force = new Option<bool>("--force") { Description = "Also when the target failed its preflight; the canary is watched all the same." };
        var dry = new Option<bool>("--dry-run") { Description = "Only tries the target, and shows what would move." };
        var command = new Command("to", "Moves new records to other clusters: the target is tried, gets a canary's share, then all of it.") { weights, percent, seconds, reason, owner, expires, force, dry };
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            var body = new JsonObject
            {
                ["weights"] = parsed.GetValue(weights), ["canary_percent"] = parsed.GetValue(percent), ["canary_seconds"] = parsed.GetValue(seconds), ["reason"] = parsed.GetValue(reason),
                ["owner"] = parsed.GetValue(owner), ["expires_in_seconds"] = parsed.GetValue(expires), ["force"] = parsed.GetValue(force), ["dry_run"] = parsed.GetValue(dry),
            };
            OperateCommands.Print((await client.PostAsync("/v1/operate/divert", body, stop: stop)).EnsureSuccess().Body!);
        });
        return command;
    }

    private static void Print(JsonNode state)
    {
        var table = new Table().AddColumns("cluster", "configured", "share now", "acknowledges");
        foreach (var cluster in state["clusters"]!.AsArray())
        {
            var silent = cluster!["silent_since"] is { } since ? $"nothing since {OperateCommands.Time(since)}" : "yes";
            table.AddRow(Markup.Escape($"{cluster["name"]}"), $"{cluster["configured"]}", string.Create(CultureInfo.InvariantCulture, $"{(double)cluster["current"]!:0.####}"), silent);
        }

        AnsiConsole.Write(table);
        Console.WriteLine(state["diversion"] is JsonObject diversion ? diversion.ToJsonString(new() { WriteIndented = true }) : "Nothing is diverted: the configured weights hold.");
    }
}
