using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Router;

/// <summary>The Router's numbers and spans.</summary>
static class RouterMeter
{
    private static readonly Meter Meter = new("Dispatch.Router");
    private static readonly ActivitySource Spans = new("Dispatch.Router");

    private static readonly Counter<long> Routed = Meter.CreateCounter<long>("dispatch.router.messages", "{message}", "decided, by fate, class and channel");
    private static readonly Counter<long> Consumed = Meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}", "records read");
    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "messaging.process.duration", "s", "of a batch, from its decision to its commit",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });

    public static readonly Counter<long> Repeats = Meter.CreateCounter<long>("dispatch.router.repeats", "{record}", "dropped, because the log has them twice");
    public static readonly Counter<long> Quarantined = Meter.CreateCounter<long>("dispatch.quarantined", "{record}", "put in quarantine");
    public static readonly Counter<long> Faults = Meter.CreateCounter<long>("dispatch.router.faults", "{fault}", "the log or the store failed, and was waited for");
    public static readonly Counter<long> CapDecisions = Meter.CreateCounter<long>("dispatch.caps.decisions", "{decision}", "made under the ledger's locks");
    public static readonly Counter<long> Charged = Meter.CreateCounter<long>("dispatch.caps.charged", "{message}", "places taken afterwards, for what went unasked");

    public static KeyValuePair<string, object?> Class(TrafficClass of) => new("class", Topics.Name(of));

    public static KeyValuePair<string, object?> Topic(string topic) => new("messaging.destination.name", topic);

    public static void Count(string topic, List<Incoming> records, List<Passage> passages, TimeSpan took)
    {
        Consumed.Add(records.Count, Topic(topic));
        Duration.Record(took.TotalSeconds, Topic(topic));
        foreach (var some in passages.CountBy(passage => (passage.Fate, passage.Message.Class, passage.Message.Channel)))
        {
            Routed.Add(
                some.Value, new("fate", some.Key.Fate.ToString().ToLowerInvariant()), Class(some.Key.Class), new("channel", Topics.Name(some.Key.Channel)));
        }

        if (Spans.HasListeners())
        {
            Trace(topic, passages);
        }
    }

    /// <summary>One span a message, linked to the sender's; what goes on carries the sender's context unchanged.</summary>
    private static void Trace(string topic, List<Passage> passages)
    {
        foreach (var passage in passages)
        {
            var header = passage.Headers.FirstOrDefault(header => header.Name == RecordHeaders.TraceParent);
            if (header.Name is null || !ActivityContext.TryParse(Encoding.ASCII.GetString(header.Value.Span), null, isRemote: true, out var sender))
            {
                continue;
            }

            using var span = Spans.StartActivity(
                $"process {topic}", ActivityKind.Consumer, parentContext: default,
                tags:
                [
                    new("messaging.operation.name", "process"), new("messaging.operation.type", "process"), Topic(topic),
                    new("messaging.consumer.group.name", RouterWork.GroupName),
                    new("messaging.message.id", Id.From(passage.Message.MessageId.Span).ToText(IdPrefix.Message)),
                    new("dispatch.fate", passage.Fate.ToString().ToLowerInvariant()),
                ],
                links: [new ActivityLink(sender)]);
        }
    }
}
