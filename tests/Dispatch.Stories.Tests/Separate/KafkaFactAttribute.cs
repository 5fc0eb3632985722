using Dispatch.Testing;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>Skipped, with the reason, where there is no Kafka to start.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KafkaFactAttribute : FactAttribute
{
    public KafkaFactAttribute() => Skip = KafkaCluster.Missing;
}
