using System.Globalization;

namespace Dispatch.Bench.Sides;

/// <summary>How long something took, as a process's own /metrics has it: so many within each bound, over all tags.</summary>
/// <param name="Buckets">By bound, in seconds; each count holds those of the smaller bounds.</param>
public sealed record Histogram(IReadOnlyList<(double Bound, double Count)> Buckets)
{
    private const string Label = "le=\"";

    public static Histogram Parse(IEnumerable<string> lines, string name) => new(
    [
        .. lines.Where(line => line.StartsWith(name + "_bucket{", StringComparison.Ordinal)).Select(line => (Bound: BoundOf(line), Count: NumberAt(line, line.LastIndexOf(' ') + 1)))
            .GroupBy(it => it.Bound).OrderBy(it => it.Key).Select(it => (it.Key, it.Sum(one => one.Count))),
    ]);

    /// <summary>What came after that look at the same process.</summary>
    public Histogram Since(Histogram before)
    {
        var known = before.Buckets.ToDictionary(it => it.Bound, it => it.Count);
        return new Histogram([.. Buckets.Select(it => (it.Bound, it.Count - known.GetValueOrDefault(it.Bound)))]);
    }

    /// <param name="part">0 to 1.</param>
    /// <returns>Milliseconds, as if the times within a bucket were spread evenly; null: there are none, or it is beyond the last bound.</returns>
    public double? Milliseconds(double part)
    {
        var wanted = Buckets.Count == 0 ? 0 : Buckets[^1].Count * part;
        var (bound, count) = (0.0, 0.0);
        foreach (var bucket in Buckets)
        {
            if (bucket.Count >= wanted && bucket.Count > count)
            {
                return double.IsInfinity(bucket.Bound) ? null : (bound + ((bucket.Bound - bound) * (wanted - count) / (bucket.Count - count))) * 1_000;
            }

            (bound, count) = bucket;
        }

        return null;
    }

    private static double BoundOf(string line)
    {
        var at = line.IndexOf(Label, StringComparison.Ordinal) + Label.Length;
        var text = line[at..line.IndexOf('"', at)];
        return text == "+Inf" ? double.PositiveInfinity : double.Parse(text, CultureInfo.InvariantCulture);
    }

    private static double NumberAt(string line, int at) => double.Parse(line.AsSpan(at), CultureInfo.InvariantCulture);
}
