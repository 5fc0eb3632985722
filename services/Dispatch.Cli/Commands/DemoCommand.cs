using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Dispatch.Cli.Gameday;
using Spectre.Console;

namespace Dispatch.Cli.Commands;

/// <summary>Real traffic through the real path, the feedback loop taken out and put back under load, checked against the providers' own logs.</summary>
static class DemoCommand
{
    public static Command Create()
    {
        var messages = new Option<int>("--messages") { Description = "How many messages, 100 to 100 000.", DefaultValueFactory = _ => 2_000 };
        var json = new Option<bool>("--json") { Description = "Last line: one object with every figure." };
        var keep = new Option<bool>("--keep") { Description = "Keep the data folder, also when all is well." };
        var kafka = new Option<string?>("--kafka") { Description = "Put the log on Kafka: host:port[,host:port...], or auto for a broker started from KAFKA_HOME." };
        var separate = new Option<bool>("--separate") { Description = "Every service as a process of its own; needs --kafka." };
        messages.Validators.Add(it =>
        {
            if (it.GetValueOrDefault<int>() is < 100 or > 100_000)
            {
                it.AddError("--messages takes 100 to 100 000");
            }
        });
        var command = new Command("demo", "Sends real messages on three channels, with faults and a bypass in the middle, and proves that nothing was lost.") { messages, json, keep, kafka, separate };
        command.Validators.Add(it =>
        {
            if (it.GetValue(separate) && it.GetValue(kafka) is null)
            {
                it.AddError("--separate needs --kafka: processes cannot share the log in files");
            }
        });
        command.SetAction((parsed, stop) => RunAsync(parsed.GetValue(messages), parsed.GetValue(json), parsed.GetValue(keep), parsed.GetValue(kafka), parsed.GetValue(separate), stop));
        return command;
    }

    private static async Task<int> RunAsync(int messages, bool json, bool keep, string? kafka, bool separate, CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error), Ansi = Console.IsErrorRedirected ? AnsiSupport.No : AnsiSupport.Detect });
        var data = Path.Combine(Path.GetTempPath(), $"dispatch-demo-{Environment.ProcessId}");
        await using var session = new Session(data, seed: 42, settings: kafka is null ? null : new Dictionary<string, string> { ["Dispatch:Kafka:Brokers"] = kafka }, separate: separate);
        Verdict verdict;
        (bool Match, string Detail) stats;
        try
        {
            console.MarkupLine($"Starting everything in [bold]{data}[/]: log{(kafka is null ? "" : " on Kafka")}, PostgreSQL, provider stand-ins, services{(separate ? ", each a process of its own" : "")}");
            await session.StartAsync(TimeSpan.FromSeconds(90), stop);
            await console.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
                .StartAsync(progress => TrafficAsync(session, messages, progress, stop));
            verdict = await session.VerdictAsync(stop);
            stats = await session.StatsMatchAsync(stop);
            await session.Host.StopAsync(TimeSpan.FromSeconds(60));
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException or Api.ApiException or HttpRequestException)
        {
            console.WriteLine(e.Message);
            console.MarkupLine($"[red]The demo did not get to its end[/]; what it left is in {data}");
            return 1;
        }

        var holds = verdict.Holds && stats.Match && session.Load.Errors == 0 && verdict.Accepted > 0;
        console.Write(Table(session, verdict, stats, watch.Elapsed, holds));
        if (json)
        {
            Console.WriteLine(Json(verdict, stats.Match, watch.Elapsed).ToJsonString());
        }

        if (holds && !keep)
        {
            Directory.Delete(data, recursive: true);
        }
        else
        {
            console.MarkupLine($"The data folder stays: [bold]{data}[/]");
        }

        return holds ? 0 : 1;
    }

    private static async Task TrafficAsync(Session session, int messages, ProgressContext progress, CancellationToken stop)
    {
        var accepted = progress.AddTask("accepted", maxValue: messages);
        var received = progress.AddTask("received by providers", maxValue: messages);
        var settled = progress.AddTask("settled", maxValue: messages);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watcher = WatchAsync(session, accepted, received, watching.Token);

        var plan = session.Plan.Requests(messages).ToList();
        var third = messages / 3;
        await session.Load.RunAsync(plan.Take(third), connections: 16, persistent: false, stop: stop);
        await session.SwitchAsync("feedback", "bypass", "demo: the feedback loop is taken out under load", stop);
        await session.Load.RunAsync(plan.Skip(third).Take(third), connections: 16, persistent: false, stop: stop);
        await session.SwitchAsync("feedback", "on", "demo: and put back under load", stop);
        await session.Load.RunAsync(plan.Skip(2 * third), connections: 16, persistent: false, stop: stop);

        await session.SettleAsync(TimeSpan.FromSeconds(90), count => settled.Value = count, stop);
        await watching.CancelAsync();
        await watcher;
        received.MaxValue = Math.Max(1, received.Value);
        accepted.Value = session.Load.Promised.Count;
    }

    private static async Task WatchAsync(Session session, ProgressTask accepted, ProgressTask received, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            accepted.Value = session.Load.Promised.Count;
            received.Value = Oracle.Read(session.System.Oracle).Where(it => it.Accepted).Select(it => it.MessageId).Distinct().Count();
            await Task.Delay(500, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Table Table(Session session, Verdict verdict, (bool Match, string Detail) stats, TimeSpan took, bool holds)
    {
        var table = new Table().AddColumn("what").AddColumn(new TableColumn("how many").RightAligned()).AddColumn("what it means");
        void Row(string what, object value, string means) => table.AddRow(new Markup(what), new Markup($"{value}"), new Markup(means));
        Row("[bold]accepted[/]", verdict.Accepted, $"answered 202: durable before the answer; {session.Load.Errors} errors; {session.Load.Latencies}");
        foreach (var (state, count) in verdict.States.Where(it => it.Value > 0))
        {
            Row($"  {state}", count, Verdict.FinalStates.Contains(state) ? "final" : "[yellow]not final[/]");
        }

        Row("[bold]lost[/]", Colour(verdict.Lost.Count), "accepted, and no provider or state knows of it");
        Row("[bold]duplicates[/]", Colour(verdict.Duplicates.Count), $"taken twice though answered; {verdict.Repeats} more were sent again because no answer came");
        Row("[bold]cap violations[/]", Colour(verdict.CapViolations), $"beyond {session.CapLimit} a day and recipient, counted from the providers' logs");
        Row("[bold]statistics[/]", stats.Match ? "[green]equal[/]" : "[red]differ[/]", Markup.Escape(stats.Detail));
        Row("[bold]seconds[/]", $"{took.TotalSeconds:0.0}", holds ? "[green]all promises held[/]" : "[red]a promise was broken[/]");
        return table;
    }

    private static string Colour(int count) => count == 0 ? "[green]0[/]" : $"[red]{count}[/]";

    private static JsonObject Json(Verdict verdict, bool statsMatch, TimeSpan took)
    {
        var json = new JsonObject { ["accepted"] = verdict.Accepted };
        foreach (var (state, count) in verdict.States)
        {
            json[state == "accepted" ? "still_accepted" : state] = count;
        }

        json["lost"] = verdict.Lost.Count;
        json["duplicates"] = verdict.Duplicates.Count;
        json["cap_violations"] = verdict.CapViolations;
        json["stats_match_oracle"] = statsMatch;
        json["seconds"] = Math.Round(took.TotalSeconds, 1);
        return json;
    }
}
