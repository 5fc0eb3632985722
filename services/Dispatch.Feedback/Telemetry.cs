using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Dispatch.Contracts;

namespace Dispatch.Feedback;

static class Telemetry
{
    private const int LinksMax = 64;

    public static ActivitySource Source { get; } = new("Dispatch.Feedback");

    private static readonly Meter Meter = new("Dispatch.Feedback");

    public static Counter<long> Quarantined { get; } = Meter.CreateCounter<long>("dispatch.quarantined", "{record}", "Records that could not be applied and were put aside");

    public static void Observe(Func<long> behind) =>
        Meter.CreateObservableGauge("dispatch.feedback.behind", behind, "{record}", "Records that the ledger has not seen yet");

    /// <summary>One span a transaction, linked to the traces of what it is about.</summary>
    public static Activity? StartTransaction(IEnumerable<Step> steps, int count)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var links = steps.SelectMany(step => step.Entries).SelectMany(entry => entry.Headers).Where(header => header.Name == RecordHeaders.TraceParent)
            .Select(header => ActivityContext.TryParse(Encoding.ASCII.GetString(header.Value.Span), null, out var trace) ? new ActivityLink(trace) : (ActivityLink?)null)
            .Where(link => link is not null).Take(LinksMax).Select(link => link!.Value);
        var span = Source.StartActivity("process feedback", ActivityKind.Consumer, parentContext: default, links: links);
        span?.SetTag("messaging.operation.name", "process").SetTag("messaging.operation.type", "process")
            .SetTag("messaging.consumer.group.name", FeedbackHop.Reader).SetTag("messaging.batch.message_count", count);
        return span;
    }
}
