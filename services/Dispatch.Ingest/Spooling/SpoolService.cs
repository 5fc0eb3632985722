using System.Diagnostics;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Idempotency;
using Dispatch.Log;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest.Spooling;

/// <summary>Recalls what an earlier process spooled, drains, and says when the brokers are out: in the log, in the modes, in the numbers.</summary>
sealed class SpoolService(Spool spool, Drain drain, Outage outage, Door door, ModeBook modes, ILogger<SpoolService> logger) : BackgroundService, IHealthCheck
{
    private const string Owner = "ingest";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StopLook = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(30);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object> { ["records"] = spool.Records, ["bytes"] = spool.Bytes, ["partitions_out"] = outage.Partitions.Count };
        return Task.FromResult(
            spool.Fault is { } fault ? HealthCheckResult.Degraded($"the spool cannot be written: {fault}", data: data)
            : outage.ClusterSince is { } since ? HealthCheckResult.Degraded($"the brokers acknowledge nothing since {since:O}; what comes is spooled", data: data)
            : HealthCheckResult.Healthy(spool.Records == 0 ? "empty" : "draining", data));
    }

    /// <summary>Callers are gone by now. What is spooled goes to the brokers first, if they take it: nobody should have to adopt the disk of an instance that was taken away in good order.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (spool.Records > 0 && outage.ClusterSince is null && Stopwatch.GetElapsedTime(began) < StopPatience && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(StopLook, CancellationToken.None);
        }

        if (spool.Records > 0)
        {
            logger.SpoolLeft(spool.Records, spool.Folder);
        }

        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        SpoolTelemetry.Watch(spool, outage);
        var watching = WatchAsync(stoppingToken);
        try
        {
            await spool.RecallAsync((_, entry) => Recall(entry), stoppingToken);
            if (spool.Records > 0)
            {
                logger.SpoolRecalled(spool.Records, spool.Folder);
            }

            while (!stoppingToken.IsCancellationRequested)
            {
                await DrainAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped while it recalled.
        }

        await watching;
    }

    /// <summary>A fault of the drain costs time, never Ingest.</summary>
    private async Task DrainAsync(CancellationToken stop)
    {
        try
        {
            await drain.RunAsync(stop);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !stop.IsCancellationRequested)
        {
            logger.DrainFellOver(e);
            await Task.Delay(Renewal, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Recall(Entry entry)
    {
        if (KeyRecovery.KeyOf(entry) is { } key)
        {
            door.Recall(key);
        }
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        DateTimeOffset? told = null;
        var partitions = 0;
        var renewed = DateTimeOffset.MinValue;
        while (!stop.IsCancellationRequested)
        {
            var (since, now) = (outage.ClusterSince, DateTimeOffset.UtcNow);
            if (since is not null && now - renewed >= Renewal)
            {
                modes.SetAutomatic(Switches.Ingest, Switch.Spool, new ModeScope(), "the brokers acknowledge nothing", Owner);
                renewed = now;
            }

            if (since is not null && told is null)
            {
                logger.OutageDeclared(since.Value);
            }
            else if (since is null && told is not null)
            {
                modes.ClearAutomatic(Switches.Ingest, new ModeScope(), Owner);
                logger.OutageOver(now - told.Value, spool.Records);
                renewed = DateTimeOffset.MinValue;
            }

            if (since is null && outage.Partitions is var outside && outside.Count != partitions)
            {
                partitions = outside.Count;
                logger.PartitionsOut(partitions, string.Join(' ', outside.Select(it => $"{it.Topic}/{it.Partition}")));
            }

            told = since;
            await Task.Delay(Look, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
