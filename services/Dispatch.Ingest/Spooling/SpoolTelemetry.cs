using System.Diagnostics.Metrics;

namespace Dispatch.Ingest.Spooling;

static class SpoolTelemetry
{
    private static readonly Meter Meter = new("Dispatch.Ingest.Spool");
    private static Func<IEnumerable<(string Topic, long Records, TimeSpan Age)>> _waiting = () => [];
    private static Func<(bool Cluster, int Partitions)> _out = () => default;

    public static readonly Counter<long> Spooled = Meter.CreateCounter<long>("dispatch.ingest.spool.written", "{record}", "Records that went to the spool.");

    public static readonly Counter<long> Drained = Meter.CreateCounter<long>("dispatch.ingest.spool.drained", "{record}", "Records that left it again: appended, or found to have arrived by themselves.");

    static SpoolTelemetry()
    {
        Meter.CreateObservableGauge("dispatch.ingest.spool.waiting", () => _waiting().Select(it => new Measurement<long>(it.Records, Topic(it.Topic))), "{record}", "Records in the spool.");
        Meter.CreateObservableGauge("dispatch.ingest.spool.age", () => _waiting().Select(it => new Measurement<double>(it.Age.TotalSeconds, Topic(it.Topic))), "s", "How long the oldest of them has been waiting.");
        Meter.CreateObservableGauge("dispatch.ingest.outage", () => _out().Cluster ? 1 : 0, "{cluster}", "1: the brokers acknowledge nothing.");
        Meter.CreateObservableGauge("dispatch.ingest.outage.partitions", () => _out().Partitions, "{partition}", "Partitions that acknowledge nothing.");
    }

    public static void Watch(Spool spool, Outage outage)
    {
        _waiting = () => Spool.Topics.Select(topic => (topic, spool.Waiting(topic), spool.Age(topic)));
        _out = () => (outage.ClusterSince is not null, outage.Partitions.Count);
    }

    private static KeyValuePair<string, object?> Topic(string topic) => new("messaging.destination.name", topic);
}
