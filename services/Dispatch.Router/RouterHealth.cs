using Dispatch.Router.Capping;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Router;

/// <summary>Unhealthy only while nothing can be routed at all.</summary>
sealed class RouterHealth(SuppressionCopy suppressions, CapRuleBook rules, WriteProbe probe) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        !suppressions.IsKnown || !rules.IsKnown ? HealthCheckResult.Unhealthy("no copy of suppressions and cap rules yet: nothing is routed")
        : !probe.Writable ? HealthCheckResult.Degraded($"caps are not asked since {probe.Since:O}; suppressions as of {suppressions.HeardAt:O}")
        : HealthCheckResult.Healthy($"suppressions and cap rules as of {suppressions.HeardAt:O}", Counts()));

    private Dictionary<string, object> Counts() => new() { ["suppressions"] = suppressions.Count, ["cap_rules"] = rules.Count };
}
