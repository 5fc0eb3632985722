using System.CommandLine;
using Dispatch.Bench;
using Dispatch.Bench.Sides;

if (args is [Side.Verb, ..])
{
    await Side.RunAsync(args[1..]);
    return 0;
}

var name = new Argument<string?>("name") { Description = "Which one; left out: lists them.", Arity = ArgumentArity.ZeroOrOne };
var seconds = new Option<int>("--seconds") { Description = "Measured seconds in all, both sides together, 6 to 3 600; of drain, the backlog in seconds of the peak rate.", DefaultValueFactory = _ => 60 };
var json = new Option<bool>("--json") { Description = "Last line: one object with the figures." };
var root = new RootCommand("Measures the product beside a baseline, in turn, and prints the ratio.") { name, seconds, json };
root.SetAction(async (parsed, stop) =>
{
    if (parsed.GetValue(name) is not { } wanted)
    {
        Catalogue.Print();
        return 0;
    }

    if (!Catalogue.Entries.TryGetValue(wanted, out var entry))
    {
        await Console.Error.WriteLineAsync($"dispatch bench: there is no benchmark '{wanted}'; there are {string.Join(", ", Catalogue.Entries.Keys)}");
        return 2;
    }

    return await Runner.RunAsync(wanted, entry, TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(seconds), 6, 3_600)), parsed.GetValue(json), stop);
});

// Ctrl-C ends the sides first: a broker is in a session of its own and would outlive this process.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
