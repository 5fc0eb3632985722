using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest.Idempotency;

/// <summary>Degraded, never unhealthy: the door stays open while the store is away.</summary>
sealed class DoorHealth(Door door) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        door.BlindSince is { } since ? HealthCheckResult.Degraded($"keys are not checked against the store since {since:O}") : HealthCheckResult.Healthy("keys are checked"));
}
