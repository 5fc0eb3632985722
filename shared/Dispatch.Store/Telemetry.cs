using System.Diagnostics.Metrics;

namespace Dispatch.Store;

static class Telemetry
{
    private static readonly Meter Meter = new("Dispatch.Store");

    private static readonly Counter<long> Facts = Meter.CreateCounter<long>("dispatch.ledger.facts", "{fact}", "Facts that the ledger learnt");

    private static readonly Counter<long> Repeats = Meter.CreateCounter<long>("dispatch.ledger.repeats", "{fact}", "Facts that the ledger was told again, and ignored");

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("dispatch.ledger.apply.duration", "s", "One transaction of the ledger");

    public static void Applied(int told, LedgerResult result, TimeSpan took)
    {
        Facts.Add(result.Facts + result.Events + result.Expected);
        Repeats.Add(Math.Max(0, told - result.Facts - result.Events - result.Expected));
        Duration.Record(took.TotalSeconds);
    }
}
