using System.Runtime.CompilerServices;
using Dispatch.Log;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest;

/// <summary>Hands records to the log, and knows whether it can be written; says so once, not per call.</summary>
sealed class Appender(IEventLog events, TimeProvider clock, ILogger<Appender> log) : IHealthCheck
{
    private volatile AppendFault? _fault;

    /// <summary>Why and since when the log cannot be written; null: it can.</summary>
    public (string Reason, DateTimeOffset Since)? Fault => _fault is { } fault ? (fault.Reason, fault.Since) : null;

    /// <exception cref="AppendException">Nothing was accepted; says whether the records may be there nevertheless.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))] // waits in every call: no garbage for that
    public async ValueTask AppendAsync(IReadOnlyList<Record> records)
    {
        try
        {
            await events.AppendAsync(records, CancellationToken.None); // a caller who hangs up must not leave us in doubt
        }
        catch (AppendException e)
        {
            if (_fault is null && Interlocked.CompareExchange(ref _fault, new AppendFault(e.Message, clock.GetUtcNow()), null) is null)
            {
                log.LogUnwritable(e.Message);
            }

            throw;
        }

        if (_fault is not null && Interlocked.Exchange(ref _fault, null) is not null)
        {
            log.LogWritable();
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_fault is { } fault ? HealthCheckResult.Unhealthy($"the last append failed: {fault.Reason}") : HealthCheckResult.Healthy("appends succeed"));

    private sealed record AppendFault(string Reason, DateTimeOffset Since);
}
