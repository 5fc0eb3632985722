namespace Dispatch.Testing;

/// <summary>Skipped, with the reason, where there is no Kafka.</summary>
sealed class KafkaFactAttribute : FactAttribute
{
    public KafkaFactAttribute() => Skip = KafkaCluster.Missing;
}
