using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Dispatch.Ingest;

static class Telemetry
{
    public static readonly ActivitySource Activities = new("Dispatch.Ingest");
    private static readonly Meter Meter = new("Dispatch.Ingest");

    public static readonly Counter<long> Accepted = Meter.CreateCounter<long>("dispatch.ingest.accepted", "{message}", "Messages that were made durable.");

    public static readonly Counter<long> Refused = Meter.CreateCounter<long>("dispatch.ingest.refused", "{request}", "Calls that were answered with a problem, by its code.");

    public static readonly Counter<long> Deferred = Meter.CreateCounter<long>(
        "dispatch.ingest.keys.deferred", "{key}", "Idempotency keys that went through unchecked while the store was away.");

    public static readonly Counter<long> DeferredConflicts = Meter.CreateCounter<long>(
        "dispatch.ingest.keys.conflicts", "{key}", "Keys under which two bodies were accepted while the store was away.");

    public static readonly Histogram<int> ClaimGroupSize = Meter.CreateHistogram<int>(
        "dispatch.ingest.keys.group", "{key}", "Idempotency keys that one statement claimed.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });

    public static readonly Counter<long> Rollbacks = Meter.CreateCounter<long>("dispatch.ingest.divert.rollbacks", "{rollback}", "Diversions that were taken back because their target failed.");

    public static readonly Counter<long> Receipts = Meter.CreateCounter<long>("dispatch.ingest.receipts", "{receipt}", "Gateways' receipts, by what became of them.");
}
