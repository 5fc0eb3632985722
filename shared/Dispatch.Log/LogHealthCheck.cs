using Dispatch.Log.Files;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Log;

/// <summary>Unhealthy: records cannot be appended. Degraded: they can, but a person should look.</summary>
sealed class LogHealthCheck(FileLog log) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(log switch
    {
        { Fault: { } fault } => HealthCheckResult.Unhealthy($"{fault}{(log.IsReserveInUse ? "; outcomes and positions still go into the reserve" : "")}"),
        { Damages.Count: > 0 and var count } => HealthCheckResult.Degraded($"{count} pieces cannot be read as they were written; see the log's folder 'damaged'"),
        { Stalled: [var first, ..] } => HealthCheckResult.Degraded($"group {first.Group} holds back {first.Partition.Topic}/{first.Partition.Partition} and has not moved for {first.Since}"),
        _ => HealthCheckResult.Healthy(),
    });
}
