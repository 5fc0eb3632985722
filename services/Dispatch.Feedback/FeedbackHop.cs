using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Store;
using Microsoft.Extensions.Options;

namespace Dispatch.Feedback;

/// <summary>
/// Reads requests (what to expect), outcomes and events, and writes the ledger.
/// Promise: every record has its effect on the store exactly once. What it produced and the position behind it are one transaction of the store, so the positions there are
/// the ones that count; the log hears of them later, and only so that its retention can move. While the store is away or refuses writes, nothing is read on and nothing is lost.
/// </summary>
sealed class FeedbackHop(
    IEventLog log, Database database, Positions positions, Ledger ledger, FeedbackHealth health, IOptions<FeedbackOptions> options, TimeProvider clock, ILogger<FeedbackHop> logger)
    : BackgroundService
{
    public const string Reader = "feedback";
    private static readonly TimeSpan RestAfterFault = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RestWhileForeign = TimeSpan.FromSeconds(10);

    private static readonly Group Everything = new(Reader, [.. Topics.Classes.Select(Topics.Requests), Topics.Outcomes, Topics.Events]) { BatchSizeMax = 2_000 };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.WhenAll(database.WhenReadyAsync(stoppingToken), log.OpenedAsync(stoppingToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await OwnLogAsync(stoppingToken);
                await RunAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // A partition's work ended with it. Positions are safe, so everything is begun again from them.
                logger.HopFailed(e, e.Message);
                await Task.Delay(RestAfterFault, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RunAsync(CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var writers = Enumerable.Range(0, options.Value.Writers).Select(_ => new LedgerWriter(ledger, log, health, options.Value, clock, logger)).ToArray();
        var writing = writers.Select(writer => writer.RunAsync(end.Token)).ToArray();
        try
        {
            await log.RunAsync(Everything with { Gather = options.Value.Gather }, (partition, revoked) => WorkAsync(partition, writers[partition.Id.Partition % writers.Length], revoked), stop);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(writing);
        }
    }

    private async Task WorkAsync(IPartition partition, LedgerWriter writer, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(partition, writer, stop);
            }
            catch (StalePositionException e)
            {
                logger.PositionMoved(partition.Id.Topic, partition.Id.Partition, e.Message); // by an owner that was frozen, or by us in a commit whose answer was lost
            }
            catch (LeaseLostException)
            {
                return;
            }
        }
    }

    private async Task ReadAsync(IPartition partition, LedgerWriter writer, CancellationToken stop)
    {
        var from = await StartAsync(partition, stop);
        var (told, toldAt) = (from, clock.GetTimestamp());
        await using var batches = partition.ReadAsync(new Position(from ?? 0), stop).GetAsyncEnumerator(CancellationToken.None);
        while (true)
        {
            Task<bool> next = batches.MoveNextAsync().AsTask();
            if (from is { } reached && from != told && await IsDueAsync(toldAt, next))
            {
                await TellAsync(partition, reached);
                (told, toldAt) = (from, clock.GetTimestamp());
            }

            if (!await next)
            {
                break;
            }

            var batch = batches.Current;
            await writer.WriteAsync(new Step(partition, batch.Entries, from, batch.End), stop);
            from = batch.End;
            health.Passed(partition.Id, partition.End - batch.End);
        }

        if (from is { } last && partition.LeaseHolds)
        {
            await TellAsync(partition, last);
        }
    }

    /// <summary>Is it time to tell the log? Waits for that while nothing else comes, since the last batch before a quiet hour is to be told of as well.</summary>
    private async ValueTask<bool> IsDueAsync(long toldAt, Task next)
    {
        var left = options.Value.CommitInterval - clock.GetElapsedTime(toldAt);
        if (left > TimeSpan.Zero && !next.IsCompleted)
        {
            await next.WaitAsync(left, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return !next.IsCompleted;
        }

        return left <= TimeSpan.Zero;
    }

    /// <summary>Null: the store has never heard of this partition.</summary>
    private async Task<long?> StartAsync(IPartition partition, CancellationToken stop)
    {
        var known = await Patience.WhileAwayAsync(() => positions.ReadAsync(Reader, stop), health, logger, stop);
        if (known.TryGetValue((log.ClusterIdOf(partition.Id.Partition), partition.Id.Topic, partition.Id.Partition), out var next))
        {
            return next;
        }

        if (partition.Start.Next > 0)
        {
            logger.PositionLost(partition.Id.Topic, partition.Id.Partition, partition.Start.Next);
        }

        return null;
    }

    /// <summary>The log's own position only moves its retention: a fault here costs nothing, and the next one makes up for it.</summary>
    private async Task TellAsync(IPartition partition, long next)
    {
        try
        {
            await partition.CommitAsync([], partition.NotBehind(next), CancellationToken.None);
        }
        catch (Exception e) when (e is AppendException or LeaseLostException)
        {
            logger.LogNotTold(partition.Id.Topic, partition.Id.Partition, e.Message);
        }
    }

    /// <summary>Positions of another log mean nothing here: going on would skip or replay in silence, so a person has to say so.</summary>
    private async Task OwnLogAsync(CancellationToken stop)
    {
        while (true)
        {
            var known = await Patience.WhileAwayAsync(() => positions.ReadAsync(Reader, stop), health, logger, stop);
            var own = log.ClusterIds;
            var others = known.Keys.Select(key => key.ClusterId).Distinct().Except(own).ToList();
            if (others.Count == 0 || own.Contains(options.Value.AcceptLog) || known.Keys.Any(key => own.Contains(key.ClusterId)))
            {
                health.Foreign = "";
                return;
            }

            health.Foreign = others[0];
            logger.ForeignLog(string.Join(", ", own), string.Join(", ", others));
            await Task.Delay(RestWhileForeign, clock, stop);
        }
    }
}
