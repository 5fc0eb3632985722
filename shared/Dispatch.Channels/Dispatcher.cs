using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels;

/// <summary>Hands the messages of one channel to its providers.</summary>
public sealed class Dispatcher(
    Channel channel,
    DispatcherOptions options,
    string journalFolder,
    IReadOnlyList<ConfiguredLane> lanes,
    IEventLog log,
    ChannelControl control,
    Freshness freshness,
    TimeProvider time,
    ILogger<Dispatcher> logger) : BackgroundService, IHealthCheck
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _ = (channel, options, journalFolder, lanes, log, control, freshness, time, logger);
        return Task.CompletedTask;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(HealthCheckResult.Unhealthy("not started"));
}
