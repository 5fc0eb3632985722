using Dispatch.Bench.Sides;

namespace Dispatch.Bench;

/// <summary>One measured run of one side.</summary>
/// <param name="Count">Messages (or decisions, or outcomes) that were counted at the receiver, not at the sender.</param>
/// <param name="Cpu">Processor time of what was measured, without the load generator where they are separate processes.</param>
/// <param name="Syncs">fsyncs of the log and the journals.</param>
/// <param name="Faults">Anything lost, doubled or refused, in words: a run with a fault does not count, and fails the benchmark.</param>
public sealed record Sample(long Count, TimeSpan Elapsed, TimeSpan Cpu, long Syncs, IReadOnlyList<TimeSpan> Latencies, IReadOnlyList<string> Faults)
{
    /// <summary>Where latencies are not known one by one: what the product measured of its attempts.</summary>
    public Histogram? Attempts { get; init; }

    /// <summary>What else was measured, for whoever reads; by name, as the last line's object has it.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new Dictionary<string, double>();

    public double PerSecond => Count / Elapsed.TotalSeconds;

    public double SyncsPer1000 => Count == 0 ? 0 : Syncs * 1_000.0 / Count;

    public double CpuMicroseconds => Count == 0 ? 0 : Cpu.TotalMicroseconds / Count;

    /// <param name="part">0 to 1.</param>
    /// <returns>Null: nobody measured it.</returns>
    public double? LatencyMs(double part)
    {
        if (Latencies.Count == 0)
        {
            return Attempts?.Milliseconds(part);
        }

        var sorted = Latencies.Order().ToList();
        return sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * part))].TotalMilliseconds;
    }
}
