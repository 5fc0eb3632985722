using Dispatch.Testing;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>Skipped, with the reason, where there is no Kafka to start, and where nobody has the time: three brokers and a process for every service want a machine for minutes.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SeparateFactAttribute : FactAttribute
{
    private const string Variable = "DISPATCH_LONG";

    public SeparateFactAttribute() => Skip = KafkaCluster.Missing
        ?? (Environment.GetEnvironmentVariable(Variable) is null ? $"takes minutes, on three brokers and separate processes: {Variable}=1 ./dispatch test Separate" : null);
}
