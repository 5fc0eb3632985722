using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dispatch.Cli.Api;
using Spectre.Console;

namespace Dispatch.Cli.Commands;

/// <summary>Thin clients of the operators' API: what holds now, who switched what, and whether the books balance.</summary>
static class OperateCommands
{
    public static Command Status()
    {
        var command = new Command("status", "What is degraded, since when, why, and until when.");
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            Print((await client.GetAsync("/v1/status", stop)).EnsureSuccess().Body!);
        });
        return command;
    }

    public static Command Modes()
    {
        var command = new Command("modes", "Lists the switches that are not in their normal position.");
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            PrintModes((await client.GetAsync("/v1/operate/modes", stop)).EnsureSuccess().Body!["items"]!.AsArray());
        });
        command.Subcommands.Add(SetMode());
        return command;
    }

    public static Command Settle()
    {
        var command = new Command("settle", "Accepted = the sum over all states; and what sits in a state longer than it should. Exit 0 when the books balance.");
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            var report = (await client.GetAsync("/v1/operate/settlement", stop)).EnsureSuccess().Body!;
            Print(report);
            return (bool?)report["balanced"] == false ? 1 : 0;
        });
        return command;
    }

    private static Command SetMode()
    {
        var name = new Argument<string>("switch") { Description = "feedback, caps, dispatch, ingest; divert only to none." };
        var value = new Argument<string>("value") { Description = "on|bypass, enforce|send|hold, run|pause|drain, log|spool, none." };
        var reason = new Option<string>("--reason") { Description = "Why; whoever finds the switch reads it.", Required = true };
        var owner = new Option<string>("--owner") { Description = "Who answers for it.", DefaultValueFactory = _ => Environment.UserName };
        var expires = new Option<int>("--expires-in") { Description = "Seconds until it falls back by itself, 60 to 604 800.", DefaultValueFactory = _ => 3_600 };
        var channel = new Option<string?>("--channel") { Description = "push, email or sms; left out: all." };
        var of = new Option<string?>("--class") { Description = "transactional, automation or campaign; left out: all." };
        var tenant = new Option<string?>("--tenant") { Description = "One tenant; left out: all." };
        var lane = new Option<string?>("--lane") { Description = "One lane; left out: all." };
        var dry = new Option<bool>("--dry-run") { Description = "Only show what it would touch." };
        var command = new Command("set", "Sets a switch for a scope, with a reason, an owner and an expiry.") { name, value, reason, owner, expires, channel, of, tenant, lane, dry };
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            var body = new JsonObject
            {
                ["switch"] = parsed.GetValue(name), ["value"] = parsed.GetValue(value), ["reason"] = parsed.GetValue(reason), ["owner"] = parsed.GetValue(owner),
                ["expires_in_seconds"] = parsed.GetValue(expires), ["dry_run"] = parsed.GetValue(dry),
            };
            foreach (var (key, option) in new[] { ("channel", channel), ("class", of), ("tenant", tenant), ("lane", lane) })
            {
                if (parsed.GetValue(option) is { } given)
                {
                    body[key] = given;
                }
            }

            Print((await client.PostAsync("/v1/operate/modes", body, stop: stop)).EnsureSuccess().Body!);
        });
        return command;
    }

    private static void PrintModes(JsonArray modes)
    {
        if (modes.Count == 0)
        {
            Console.WriteLine("Every switch is in its normal position.");
            return;
        }

        var table = new Table().AddColumns("switch", "value", "scope", "until", "owner", "reason");
        foreach (var mode in modes)
        {
            var scope = string.Join(' ', new[] { "channel", "class", "tenant", "lane" }.Select(it => mode!["scope"]?[it] is { } of ? $"{it}={of}" : "").Where(it => it.Length > 0));
            table.AddRow(
                $"{mode!["switch"]}", $"{mode["value"]}", scope.Length == 0 ? "everything" : Markup.Escape(scope), $"{mode["expires_at"]}",
                Markup.Escape($"{mode["owner"]}{((bool?)mode["automatic"] == true ? " (by itself)" : "")}"), Markup.Escape($"{mode["reason"]}"));
        }

        AnsiConsole.Write(table);
    }

    internal static void Print(JsonNode body) => Console.WriteLine(body.ToJsonString(new() { WriteIndented = true }));

    internal static string Time(JsonNode? at) => ((DateTimeOffset?)at)?.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture) ?? "";
}
