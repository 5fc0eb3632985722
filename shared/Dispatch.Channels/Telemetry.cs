using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Dispatch.Channels.Flow;
using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Channels;

/// <summary>Names as in docs/architecture.md; no recipient, no message id on a metric.</summary>
static class Telemetry
{
    public const string Name = "Dispatch.Channels";

    public static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Attempts = Meter.CreateCounter<long>("dispatch.attempts", "{attempt}");

    private static readonly Histogram<double> AttemptDuration = Meter.CreateHistogram<double>(
        "dispatch.attempt.duration", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] });

    private static readonly Histogram<double> MessageAge = Meter.CreateHistogram<double>(
        "dispatch.message.age", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] });

    private static readonly Counter<long> Quarantined = Meter.CreateCounter<long>("dispatch.quarantined", "{message}");

    private static readonly ConcurrentDictionary<Dispatcher, bool> Dispatchers = new();

    static Telemetry()
    {
        Meter.CreateObservableGauge("dispatch.lane.state", () => Dispatchers.Keys.SelectMany(it => it.Lanes.Select(lane =>
            new Measurement<int>((int)lane.Value, new("channel", it.Name), new("lane", lane.Key)))), description: "0 open, 1 fenced, 2 held");
        Meter.CreateObservableGauge("dispatch.journal.bytes", () => Dispatchers.Keys.Select(it => new Measurement<long>(it.JournalBytes, new KeyValuePair<string, object?>("channel", it.Name))), "By");
        Meter.CreateObservableGauge("dispatch.journal.unsettled", () => Dispatchers.Keys.Select(it => new Measurement<long>(it.JournalUnsettled, new KeyValuePair<string, object?>("channel", it.Name))), "{message}", "Messages that were in flight when their partition went to another owner");
        Meter.CreateObservableCounter("dispatch.journal.syncs", () => Dispatchers.Keys.Select(it => new Measurement<long>(it.JournalSyncs, new KeyValuePair<string, object?>("channel", it.Name))), "{sync}");
        Meter.CreateObservableGauge("dispatch.shipper.behind", () => Dispatchers.Keys.Select(it => new Measurement<double>(it.ShipperBehind.TotalSeconds, new KeyValuePair<string, object?>("channel", it.Name))), "s");
        Meter.CreateObservableGauge("dispatch.pool.waiting", () => Dispatchers.Keys.Select(it => new Measurement<int>(it.Waiting, new KeyValuePair<string, object?>("channel", it.Name))), "{message}");
    }

    public static void Show(Dispatcher dispatcher) => Dispatchers.TryAdd(dispatcher, true);

    public static void Hide(Dispatcher dispatcher) => Dispatchers.TryRemove(dispatcher, out _);

    public static void Attempted(WorkItem item, Attempt attempt, LaneOptions lane, TimeSpan took, DateTimeOffset now)
    {
        if (Attempts.Enabled)
        {
            Attempts.Add(1, new TagList
            {
                { "channel", Topics.Name(item.Message.Channel) }, { "provider", lane.Provider }, { "lane", lane.Name }, { "verdict", Word(attempt.Verdict) }, { "scope", Word(attempt.Scope) },
            });
        }

        if (AttemptDuration.Enabled)
        {
            AttemptDuration.Record(took.TotalSeconds, new TagList { { "channel", Topics.Name(item.Message.Channel) }, { "provider", lane.Provider }, { "lane", lane.Name } });
        }

        if (MessageAge.Enabled && attempt.Verdict == Verdict.Accepted)
        {
            MessageAge.Record(
                (now.ToUnixTimeMilliseconds() - item.Message.AcceptedAt) / 1000.0,
                new TagList { { "channel", Topics.Name(item.Message.Channel) }, { "class", Topics.Name(item.Message.Class) } });
        }
    }

    public static void Parked(string channel) => Quarantined.Add(1, new KeyValuePair<string, object?>("channel", channel));

    /// <summary>The span of one record's processing, linked to whoever wrote it. What goes on from here carries its context.</summary>
    public static void Begin(WorkItem item)
    {
        if (!Source.HasListeners() || item.Span is not null)
        {
            return;
        }

        var parent = item.TraceParent.IsEmpty ? null : System.Text.Encoding.ASCII.GetString(item.TraceParent.Span);
        var links = ActivityContext.TryParse(parent, null, isRemote: true, out var context) ? new[] { new ActivityLink(context) } : [];
        // Without a parent the sampler sees the link's trace only; the same trace id keeps a message in one trace.
        var span = Source.StartActivity($"process {item.Feed.Partition.Id.Topic}", ActivityKind.Consumer, context, links: links);
        if (span is not null)
        {
            span.SetTag("messaging.system", "kafka");
            span.SetTag("messaging.operation.name", "process");
            span.SetTag("messaging.operation.type", "process");
            span.SetTag("messaging.destination.name", item.Feed.Partition.Id.Topic);
            span.SetTag("messaging.destination.partition.id", item.Feed.Partition.Id.Partition);
            span.SetTag("messaging.kafka.offset", item.Origin.Offset);
            span.SetTag("messaging.message.id", item.MessageId.ToText(IdPrefix.Message));
            item.Span = span;
            item.TraceParent = span.Id is { } id ? System.Text.Encoding.ASCII.GetBytes(id) : item.TraceParent;
        }
    }

    public static void End(WorkItem item, Attempt attempt)
    {
        if (item.Span is { } span)
        {
            span.SetTag("dispatch.verdict", Word(attempt.Verdict));
            if (attempt.Verdict != Verdict.Accepted)
            {
                span.SetTag("error.type", attempt.Reason);
            }

            span.Dispose();
            item.Span = null;
        }
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Accepted => "accepted",
        Verdict.Retry => "retry",
        Verdict.Rejected => "rejected",
        _ => "unknown",
    };

    private static string Word(Scope scope) => scope switch
    {
        Scope.Recipient => "recipient",
        Scope.Message => "message",
        Scope.Credential => "credential",
        _ => "provider",
    };
}
