using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Dispatch.Bench;

/// <summary>Runs the two sides in turn, A B A B, and believes the median of the pairs: noise of the machine hits both sides of a pair alike.</summary>
static class Runner
{
    private const int FileWidth = 500; // in a file, a line is a line

    public static async Task<int> RunAsync(string name, Entry entry, TimeSpan total, bool json, CancellationToken stop)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error), Ansi = Console.IsErrorRedirected ? AnsiSupport.No : AnsiSupport.Detect });
        console.Profile.Width = Console.IsErrorRedirected ? FileWidth : console.Profile.Width;
        console.MarkupLine($"[bold]{name}[/]: {Markup.Escape(entry.What)}; baseline: {Markup.Escape(entry.Baseline)}");
        await using var benchmark = entry.Create();
        var run = total / (2 * entry.Pairs);
        await benchmark.PrepareAsync(run, stop);
        var pairs = new List<(Sample Product, Sample Baseline)>();
        for (var i = 0; i < entry.Pairs; i++)
        {
            var product = await benchmark.ProductAsync(run, stop);
            Tell(console, "product ", product, benchmark.Unit);
            var baseline = await benchmark.BaselineAsync(run, stop);
            Tell(console, "baseline", baseline, benchmark.Unit);
            pairs.Add((product, baseline));
        }

        var faults = pairs.SelectMany(pair => pair.Product.Faults.Concat(pair.Baseline.Faults)).ToList();
        faults.ForEach(fault => console.MarkupLine($"[red]fault[/]: {Markup.Escape(fault)}"));
        var ratio = Median(pairs.Select(pair => pair.Product.PerSecond / pair.Baseline.PerSecond));
        console.MarkupLine($"[bold]{name}[/] ratio {ratio:0.000} (median of {entry.Pairs} pairs); {entry.Aim}");
        if (json)
        {
            Console.WriteLine(Json(name, pairs, ratio).ToJsonString());
        }

        return faults.Count == 0 ? 0 : 1;
    }

    private static JsonObject Json(string name, List<(Sample Product, Sample Baseline)> pairs, double ratio)
    {
        var json = Json(pairs, ratio);
        json.Insert(0, "name", name);
        foreach (var figure in pairs[0].Product.Figures.Keys)
        {
            json[figure] = Math.Round(Median(pairs.Select(pair => pair.Product.Figures[figure])), 3);
        }

        foreach (var figure in pairs[0].Baseline.Figures.Keys)
        {
            json[$"baseline_{figure}"] = Math.Round(Median(pairs.Select(pair => pair.Baseline.Figures[figure])), 3);
        }

        return json;
    }

    private static JsonObject Json(List<(Sample Product, Sample Baseline)> pairs, double ratio) => new()
    {
        ["value"] = Math.Round(Median(pairs.Select(pair => pair.Product.PerSecond)), 1),
        ["baseline"] = Math.Round(Median(pairs.Select(pair => pair.Baseline.PerSecond)), 1),
        ["ratio"] = Math.Round(ratio, 4),
        ["p50_ms"] = LatencyMs(pairs, 0.5),
        ["p99_ms"] = LatencyMs(pairs, 0.99),
        ["fsyncs_per_1000"] = Math.Round(Median(pairs.Select(pair => pair.Product.SyncsPer1000)), 2),
        ["cpu_us_per_message"] = Math.Round(Median(pairs.Select(pair => pair.Product.CpuMicroseconds)), 1),
    };

    private static void Tell(IAnsiConsole console, string side, Sample sample, string unit)
    {
        console.MarkupLine(
            $"  {side} {sample.PerSecond,12:N0} {Markup.Escape(unit)}  p50 {Text(sample.LatencyMs(0.5))} ms  p99 {Text(sample.LatencyMs(0.99))} ms  "
            + $"{sample.SyncsPer1000:0.0} syncs/1000  {sample.CpuMicroseconds:0.0} us CPU each");
        if (sample.Figures.Count > 0)
        {
            console.MarkupLine($"           {Markup.Escape(string.Join("  ", sample.Figures.Select(it => string.Create(CultureInfo.CurrentCulture, $"{it.Key} {it.Value:N1}"))))}");
        }
    }

    /// <returns>Null: nobody measured it, and a zero would look like a fact.</returns>
    private static double? LatencyMs(List<(Sample Product, Sample Baseline)> pairs, double part) =>
        pairs.All(pair => pair.Product.LatencyMs(part) is not null) ? Math.Round(Median(pairs.Select(pair => pair.Product.LatencyMs(part)!.Value)), 3) : null;

    private static string Text(double? milliseconds) => milliseconds?.ToString("0.00", CultureInfo.CurrentCulture) ?? "-";

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }
}
