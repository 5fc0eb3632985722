using System.Runtime.CompilerServices;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;

namespace Dispatch.Ingest.Spooling;

/// <summary>
/// Appends for callers, who wait neither for the first seconds of an outage nor for one stalled broker: what the brokers have not acknowledged in time goes to the spool too, and where
/// an outage is known, to the spool alone.
/// </summary>
sealed class HedgedAppends(IEventLog log, Spool spool, Outage outage, Originals originals, ModeBook modes, SpoolOptions options, TimeProvider clock)
{
    /// <summary>When the spool refuses as well, the brokers are waited for so long: less than the lease of an idempotency key, so that nobody takes the call over meanwhile.</summary>
    private static readonly TimeSpan LastResort = TimeSpan.FromSeconds(10);

    /// <returns>Where it is safe.</returns>
    /// <exception cref="SpoolFullException">Neither the brokers nor the spool take it; nothing was written.</exception>
    /// <exception cref="AppendException">The same, by a fault; says whether records may be there nevertheless.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // waits in every call: no garbage for that
    public async ValueTask<Durable> AppendAsync(IReadOnlyList<Record> records)
    {
        var parts = Begin(records);
        if (await ArriveAsync(parts, options.HedgeAfter))
        {
            return Durable.Log;
        }

        var left = parts.FindAll(part => !part.HasArrived);
        if (left.Count == 0)
        {
            return Durable.Log; // a moment too late
        }

        try
        {
            await SpoolAsync(left);
            return Durable.Spool;
        }
        catch (Exception e) when (e is SpoolFullException or AppendException)
        {
            return await LastResortAsync(left, e);
        }
    }

    /// <summary>One for each partition: each is acknowledged, or stalls, by itself.</summary>
    private List<Part> Begin(IReadOnlyList<Record> records)
    {
        var parts = new List<Part>(1);
        try
        {
            foreach (var (partition, own) in Partitioned.Of(log, records))
            {
                parts.Add(new Part(own, Takes(partition) ? TryAsync(partition, own, isDrain: false) : null));
            }
        }
        catch (LogUnavailableException)
        {
            outage.Unreachable();
            parts.Add(new Part(records, null));
        }

        return parts;
    }

    /// <summary>Appends, and lets the outage know what became of it.</summary>
    /// <returns>null: it is there; else whether it may be.</returns>
    public async Task<Persistence?> TryAsync(TopicPartition partition, IReadOnlyList<Record> records, bool isDrain)
    {
        var attempted = outage.Begin(partition, isDrain);
        Persistence? failure = Persistence.NotPersisted;
        try
        {
            await log.AppendAsync(records);
            failure = null;
        }
        catch (AppendException e)
        {
            failure = e.Persistence;
        }
        finally
        {
            outage.End(attempted, failure is null);
        }

        return failure;
    }

    /// <summary>A person's setting first: `spool` keeps everything here, `log` tries the brokers whatever is known against them.</summary>
    private bool Takes(TopicPartition partition)
    {
        var current = modes.Current;
        if (!current.Modes.IsEmpty && Switch.Of(current, partition.Topic, clock.GetUtcNow()) is { } value)
        {
            return value == Switch.Log;
        }

        return outage.Takes(partition);
    }

    /// <returns>True: all of it is there. A part that was not tried is not waited for, and nothing is waited for that has failed.</returns>
    private static async ValueTask<bool> ArriveAsync(List<Part> parts, TimeSpan within)
    {
        Task? tried = parts.Count == 1 ? parts[0].Append : Task.WhenAll(parts.Where(part => part.Append is not null).Select(part => part.Append!));
        if (tried is null)
        {
            return false;
        }

        await tried.WaitAsync(within).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (tried.IsFaulted)
        {
            await tried; // a record that no log takes
        }

        return parts.TrueForAll(part => part.HasArrived);
    }

    private async Task SpoolAsync(List<Part> parts)
    {
        var spooled = new List<Record>();
        foreach (var part in parts)
        {
            spooled.AddRange(part.Append is { IsCompleted: false } pending ? originals.Link(part.Records, pending) : part.Records);
        }

        try
        {
            await spool.AppendAsync(spooled);
        }
        catch
        {
            spooled.ForEach(record => originals.Forget(record.Headers));
            throw;
        }

        SpoolTelemetry.Spooled.Add(spooled.Count);
    }

    private static async Task<Durable> LastResortAsync(List<Part> parts, Exception refusal)
    {
        if (parts.TrueForAll(part => part.Append is not null) && await ArriveAsync(parts, LastResort))
        {
            return Durable.Log;
        }

        if (parts.TrueForAll(part => part.IsNowhere))
        {
            throw refusal is SpoolFullException ? refusal : new AppendException(refusal.Message, Persistence.NotPersisted, refusal);
        }

        throw new AppendException($"The brokers do not answer, and the spool refuses: {refusal.Message}", Persistence.PossiblyPersisted, refusal);
    }

    /// <summary>The records of one partition.</summary>
    /// <param name="Append">null: it was not tried.</param>
    private sealed record Part(IReadOnlyList<Record> Records, Task<Persistence?>? Append)
    {
        public bool HasArrived => Append is { IsCompletedSuccessfully: true, Result: null };

        public bool IsNowhere => Append is null or { IsCompletedSuccessfully: true, Result: Persistence.NotPersisted };
    }
}
