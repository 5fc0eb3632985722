using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

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
    public static readonly Counter<long> Skipped = Meter.CreateCounter<long>("dispatch.log.skipped", "{record}", "Records that a reader had to pass over because they are damaged or gone");

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

    public static KeyValuePair<string, object?> Destination(string topic) => new("messaging.destination.name", topic);
}
