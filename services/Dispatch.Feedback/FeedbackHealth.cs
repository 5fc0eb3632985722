using System.Collections.Concurrent;
using Dispatch.Log;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Feedback;

/// <summary>Whether the ledger keeps up. Never unhealthy for a store that is away: nothing upstream waits for this service.</summary>
sealed class FeedbackHealth : IHealthCheck
{
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<TopicPartition, long> _behind = new();
    private readonly Lock _gate = new();
    private (DateTimeOffset Since, string Reason)? _paused;

    public FeedbackHealth(TimeProvider clock)
    {
        _clock = clock;
        Telemetry.Observe(() => _behind.Values.Sum());
    }

    /// <summary>The log to which the store's positions belong, if it is not the one that is configured.</summary>
    public string Foreign { get; set; } = "";

    public void Passed(TopicPartition partition, long behind) => _behind[partition] = behind;

    /// <returns>True: it went on until now.</returns>
    public bool Pause(string reason)
    {
        lock (_gate)
        {
            var begins = _paused is null;
            _paused = (_paused?.Since ?? _clock.GetUtcNow(), reason);
            return begins;
        }
    }

    /// <returns>How long it was paused; null: it was not.</returns>
    public TimeSpan? Resume()
    {
        lock (_gate)
        {
            var paused = _paused is { } since ? _clock.GetUtcNow() - since.Since : (TimeSpan?)null;
            _paused = null;
            return paused;
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            return Task.FromResult(
                Foreign.Length > 0 ? HealthCheckResult.Unhealthy($"the store's positions belong to another log, {Foreign}: see {FeedbackOptions.Section}:{nameof(FeedbackOptions.AcceptLog)}")
                : _paused is { } paused ? HealthCheckResult.Degraded($"paused since {paused.Since:O}: {paused.Reason}")
                : HealthCheckResult.Healthy($"{_behind.Values.Sum()} records behind"));
        }
    }
}
