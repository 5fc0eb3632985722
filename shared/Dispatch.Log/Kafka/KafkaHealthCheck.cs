using Dispatch.Log.Clusters;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Fails where it is not open, no broker answers, or a group does not read where it should; what that means for a service, its registration says: Ingest can do without. With several
/// clusters, one that fails is a fault to look at, and only all of them are a reason to send nobody here.
/// </summary>
sealed class KafkaHealthCheck(ClusterWeights weights, IEventLog all) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var refused = (all as ClusteredLog)?.Faults.ToDictionary(it => it.Name, it => it.Why, StringComparer.Ordinal);
        var faults = new List<string>();
        foreach (var cluster in weights.Clusters)
        {
            var log = (KafkaLog)cluster.Log;
            if ((log.Fault ?? refused?.GetValueOrDefault(cluster.Name) ?? await log.UnreachableAsync(cancellationToken) ?? Standstill(log)) is { } fault)
            {
                faults.Add(weights.Clusters.Count == 1 ? fault : $"{cluster.Name}: {fault}");
            }
        }

        return faults.Count == 0 ? HealthCheckResult.Healthy()
            : new HealthCheckResult(faults.Count == weights.Clusters.Count ? context.Registration.FailureStatus : HealthStatus.Degraded, string.Join("; ", faults));
    }

    private static string? Standstill(KafkaLog log) =>
        log.LostPositions.ToList() is [var (group, partition), ..] ? $"group {group} has lost its position in {partition.Topic}/{partition.Partition} and reads nothing there (docs/runbooks/lost-position.md)"
        : log.InDoubt.ToList() is [var (doubted, since), ..] ? $"group {doubted} has partitions and may not act for them since {since.TotalSeconds:0} s: nothing polls, or the brokers do not confirm that they are still its own"
        : null;
}
