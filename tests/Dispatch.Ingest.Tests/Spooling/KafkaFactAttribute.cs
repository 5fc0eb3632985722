using Dispatch.Testing;

namespace Dispatch.Ingest.Tests.Spooling;

/// <summary>Skipped, with the reason, where there is no Kafka.</summary>
public sealed class KafkaFactAttribute : FactAttribute
{
    public KafkaFactAttribute() => Skip = KafkaCluster.Missing;
}
