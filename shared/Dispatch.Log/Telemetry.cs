using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Dispatch.Log.Files;
using Dispatch.Log.Kafka;

namespace Dispatch.Log;

/// <summary>Names: OpenTelemetry's messaging conventions, and <c>dispatch.log.*</c> for what is ours.</summary>
static class Telemetry
{
    public static readonly ActivitySource Source = new("Dispatch.Log");
    public static readonly Meter Meter = new("Dispatch.Log");

    public static readonly Counter<long> Sent = Meter.CreateCounter<long>("messaging.client.sent.messages", "{message}");
    public static readonly Counter<long> Consumed = Meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}");
    public static readonly Counter<long> Syncs = Meter.CreateCounter<long>("dispatch.log.syncs", "{sync}", "System calls that made something durable");
    public static readonly Counter<long> Failures = Meter.CreateCounter<long>("dispatch.log.failures", "{failure}", "Writes or syncs that failed");
    public static readonly Counter<long> Damages = Meter.CreateCounter<long>("dispatch.log.damages", "{damage}", "Pieces that cannot be read as they were written");
    public static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "messaging.client.operation.duration", "s", "From the call until it is durable",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] });

    public static readonly Counter<long> Skipped = Meter.CreateCounter<long>("dispatch.log.skipped", "{record}", "Records that a reader had to pass over because they are damaged or gone");

    public static readonly Counter<long> WrittenAgain = Meter.CreateCounter<long>("dispatch.log.written_again", "{partition}", "Parts of acknowledged transactions that the brokers lost");

    /// <summary>The logs that are open, asked when somebody measures: instruments that are made for each log would never go.</summary>
    public static readonly ConcurrentDictionary<FileLog, bool> Open = new();

    /// <summary>By log: what each group has not passed yet.</summary>
    public static readonly ConcurrentDictionary<IEventLog, Func<IEnumerable<(string Group, string Topic, long Waiting)>>> Backlogs = new();

    static Telemetry()
    {
        Meter.CreateObservableGauge("dispatch.log.backlog", Backlog, "{record}", "Records between where a group stands and the end");
        Meter.CreateObservableGauge("dispatch.log.in_doubt", InDoubt, "s", "For how long a group has had partitions here and may not act for them");
        Meter.CreateObservableGauge("dispatch.log.stalled", () => Open.Keys.Sum(log => log.Stalled.Count), "{partition}", "Partitions in which a group holds back segments and does not move");
        Meter.CreateObservableGauge("dispatch.log.faults", () => Open.Keys.Count(log => log.Fault is not null), "{log}", "Logs that cannot be appended to");
    }

    public static void Measure(long began, string operation, string topic)
    {
        if (Duration.Enabled)
        {
            Duration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, new("messaging.operation.name", operation), Destination(topic));
        }
    }

    private static IEnumerable<Measurement<long>> Backlog() =>
        from backlog in Backlogs
        from at in backlog.Value()
        select new Measurement<long>(
            at.Waiting, new("messaging.consumer.group.name", at.Group), Destination(at.Topic), new("dispatch.log.cluster", backlog.Key is KafkaLog kafka ? kafka.Name : ""));

    private static IEnumerable<Measurement<double>> InDoubt() =>
        from log in Backlogs.Keys.OfType<KafkaLog>()
        from doubted in log.InDoubt
        select new Measurement<double>(doubted.For.TotalSeconds, new("messaging.consumer.group.name", doubted.Group), new("dispatch.log.cluster", log.Name));

    /// <param name="partition">-1: several, or not known yet</param>
    public static void Describe(Activity? span, string operation, TopicPartition partition, string? group, int messages)
    {
        if (span is not { IsAllDataRequested: true })
        {
            return;
        }

        span.SetTag("messaging.system", "dispatch");
        span.SetTag("messaging.operation.name", operation);
        span.SetTag("messaging.operation.type", operation switch { "poll" => "receive", "commit" => "settle", _ => operation });
        span.SetTag("messaging.destination.name", partition.Topic);
        span.SetTag("messaging.batch.message_count", messages);
        if (partition.Partition >= 0)
        {
            span.SetTag("messaging.destination.partition.id", partition.Partition.ToString(CultureInfo.InvariantCulture));
        }

        if (group is not null)
        {
            span.SetTag("messaging.consumer.group.name", group);
        }
    }

    public static void CountSent(IReadOnlyList<Record> records)
    {
        if (!Sent.Enabled)
        {
            return;
        }

        for (int from = 0, to; from < records.Count; from = to)
        {
            for (to = from + 1; to < records.Count && records[to].Topic == records[from].Topic;)
            {
                to++;
            }

            Sent.Add(to - from, Destination(records[from].Topic));
        }
    }

    public static KeyValuePair<string, object?> Destination(string topic) => new("messaging.destination.name", topic);
}
