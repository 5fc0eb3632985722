using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Log.Kafka;

/// <summary>Fails where it is not open, no broker answers, or a group does not read where it should; what that means for a service, its registration says: Ingest can do without.</summary>
sealed class KafkaHealthCheck(KafkaLog log) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        (log.Fault ?? await log.UnreachableAsync(cancellationToken) ?? Standstill()) is { } fault ? new HealthCheckResult(context.Registration.FailureStatus, fault) : HealthCheckResult.Healthy();

    private string? Standstill() =>
        log.LostPositions.ToList() is [var (group, partition), ..] ? $"group {group} has lost its position in {partition.Topic}/{partition.Partition} and reads nothing there (docs/runbooks/lost-position.md)"
        : log.InDoubt.ToList() is [var (doubted, since), ..] ? $"group {doubted} has partitions and may not act for them since {since.TotalSeconds:0} s: nothing polls, or the brokers do not confirm that they are still its own"
        : null;
}
