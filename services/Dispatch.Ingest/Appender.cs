using System.Runtime.CompilerServices;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest;

/// <summary>Makes records durable, and knows whether that is possible; says so once, not per call.</summary>
/// <param name="hedged">Null: the log is in files, and there is nothing to fall back to.</param>
sealed class Appender(IEventLog events, TimeProvider clock, ILogger<Appender> log, HedgedAppends? hedged = null) : IHealthCheck
{
    /// <summary>Seconds. Room comes only with the brokers.</summary>
    private const int RetryWhenFull = 30;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private volatile AppendFault? _fault;

    /// <summary>Why and since when nothing can be made durable; null: it can.</summary>
    public (string Reason, DateTimeOffset Since)? Fault => _fault is { } fault ? (fault.Reason, fault.Since) : null;

    /// <returns>Where they are safe.</returns>
    /// <exception cref="AppendException">Nothing was accepted; says whether the records may be there nevertheless.</exception>
    /// <exception cref="RefusedException">503: the spool is full; nothing was written.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // waits in every call: no garbage for that
    public async ValueTask<Durable> AppendAsync(IReadOnlyList<Record> records)
    {
        var durable = Durable.Log;
        try
        {
            if (hedged is not null && Spool.Topics.Contains(records[0].Topic))
            {
                durable = await hedged.AppendAsync(records);
            }
            else if (hedged is not null)
            {
                await WithinAsync(events.AppendAsync(records, CancellationToken.None).AsTask());
            }
            else
            {
                await events.AppendAsync(records, CancellationToken.None); // a caller who hangs up must not leave us in doubt
            }
        }
        catch (AppendException e)
        {
            Fail(e.Message);
            throw;
        }
        catch (SpoolFullException e)
        {
            Fail(e.Message);
            throw new RefusedException(Problem.Unavailable($"Nothing was accepted: the brokers are away, and {e.Message}.", RetryWhenFull));
        }

        if (_fault is not null && Interlocked.Exchange(ref _fault, null) is not null)
        {
            log.LogWritable();
        }

        return durable;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_fault is { } fault ? HealthCheckResult.Unhealthy($"the last append failed: {fault.Reason}") : HealthCheckResult.Healthy("appends succeed"));

    /// <summary>What is never spooled, an operator's re-drive, is told when the brokers do not answer.</summary>
    private async Task WithinAsync(Task append)
    {
        try
        {
            await append.WaitAsync(Patience, clock);
        }
        catch (TimeoutException e)
        {
            throw new AppendException($"The brokers did not answer within {Patience.TotalSeconds:0} s.", Persistence.PossiblyPersisted, e);
        }
    }

    private void Fail(string reason)
    {
        if (_fault is null && Interlocked.CompareExchange(ref _fault, new AppendFault(reason, clock.GetUtcNow()), null) is null)
        {
            log.LogUnwritable(reason);
        }
    }

    private sealed record AppendFault(string Reason, DateTimeOffset Since);
}
