using System.CommandLine;

namespace Dispatch.Cli.Commands;

/// <summary>The newest messages and their states, and then each change as it comes.</summary>
static class TailCommand
{
    public static Command Create()
    {
        var label = new Option<string?>("--label") { Description = "Only messages with this label." };
        var channel = new Option<string?>("--channel") { Description = "Only push, email or sms." };
        var count = new Option<int>("--last") { Description = "How many to begin with, 1 to 200.", DefaultValueFactory = _ => 20 };
        var command = new Command("tail", "Messages as they come, newest last; Ctrl-C ends it.") { label, channel, count };
        var connection = new Connection(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = connection.Open(parsed);
            var query = $"page_size={Math.Clamp(parsed.GetValue(count), 1, 200)}";
            query += parsed.GetValue(label) is { } of ? $"&label={Uri.EscapeDataString(of)}" : "";
            query += parsed.GetValue(channel) is { } on ? $"&channel={Uri.EscapeDataString(on)}" : "";
            var told = new Dictionary<string, string>();
            while (!stop.IsCancellationRequested)
            {
                var page = (await client.GetAsync($"/v1/messages?{query}", stop)).EnsureSuccess().Body!["items"]!.AsArray();
                foreach (var message in page.Reverse())
                {
                    var (id, state) = ((string)message!["message_id"]!, (string)message["state"]!);
                    if (!told.TryGetValue(id, out var before) || before != state)
                    {
                        told[id] = state;
                        Console.WriteLine($"{OperateCommands.Time(message["updated_at"])}  {id}  {message["channel"],-5} {message["class"],-13} {state,-11} {message["lane"]} {message["reason"]}");
                    }
                }

                await Task.Delay(500, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        return command;
    }
}
