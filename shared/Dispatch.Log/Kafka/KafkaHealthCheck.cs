using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Log.Kafka;

/// <summary>Unhealthy: it is not open, or a group does not read where it should.</summary>
sealed class KafkaHealthCheck(KafkaLog log) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        log.Fault is { } fault ? HealthCheckResult.Unhealthy(fault)
        : log.LostPositions.ToList() is [var (group, partition), ..] ? HealthCheckResult.Unhealthy($"group {group} has lost its position in {partition.Topic}/{partition.Partition} and reads nothing there (docs/runbooks/lost-position.md)")
        : HealthCheckResult.Healthy());
}
