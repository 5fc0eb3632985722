using System.Diagnostics;
using System.Threading.Channels;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Store;
using Google.Protobuf;

namespace Dispatch.Feedback;

/// <summary>
/// Joins the steps of many partitions to one transaction at a time. A transaction that fails by a bug is taken apart until the record that does it stands alone;
/// that one is tried three times and then put into quarantine, and its neighbours go on.
/// </summary>
sealed class LedgerWriter(Ledger ledger, IEventLog log, FeedbackHealth health, FeedbackOptions options, TimeProvider clock, ILogger logger)
{
    private const int TriesMax = 3;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(100);

    // Bounded by its writers: each partition waits for its step before it hands over the next.
    private readonly Channel<(Step Step, TaskCompletionSource Done)> _waiting =
        System.Threading.Channels.Channel.CreateUnbounded<(Step, TaskCompletionSource)>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Returns when the store has the step. Told to stop, it waits a little for what is on its way, and leaves the rest to whoever reads next.</summary>
    /// <exception cref="StalePositionException">The partition was read elsewhere too; nothing of the step was written.</exception>
    public async Task WriteAsync(Step step, CancellationToken stop)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.Writer.TryWrite((step, done));
        await done.Task.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await done.Task.WaitAsync(Grace, CancellationToken.None);
        }
        catch (TimeoutException e)
        {
            throw new OperationCanceledException("the store did not answer in time", e, stop);
        }
    }

    /// <summary>Ends with its token, and never otherwise.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var taken = new List<(Step Step, TaskCompletionSource Done)>();
        var began = clock.GetTimestamp();
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(stop))
            {
                taken.Clear();
                var count = Take(taken, 0);
                if (count < options.BatchSizeMax && options.Gather - clock.GetElapsedTime(began) is var rest && rest > TimeSpan.Zero && taken.TrueForAll(it => it.Step.IsAtEnd))
                {
                    await Task.Delay(rest, clock, stop);
                    count = Take(taken, count);
                }

                began = clock.GetTimestamp();
                await SettleAsync(taken, count, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            foreach (var (_, done) in taken)
            {
                done.TrySetCanceled(CancellationToken.None);
            }
        }
    }

    /// <param name="count">Records in what is taken already.</param>
    /// <returns>Records in all that is taken.</returns>
    private int Take(List<(Step Step, TaskCompletionSource Done)> taken, int count)
    {
        while (count < options.BatchSizeMax && _waiting.Reader.TryRead(out var next))
        {
            taken.Add(next);
            count += next.Step.Entries.Count;
        }

        return count;
    }

    private async Task SettleAsync(List<(Step Step, TaskCompletionSource Done)> taken, int count, CancellationToken stop)
    {
        using var span = Telemetry.StartTransaction(taken.Select(it => it.Step), count);
        var whole = await TryAsync([.. taken.Select(it => it.Step)], stop);
        foreach (var (step, done) in taken)
        {
            try
            {
                if (whole is not null)
                {
                    await ApplyAloneAsync(step, stop);
                }

                done.TrySetResult();
            }
            catch (Exception e) when (!IsStop(e, stop))
            {
                done.TrySetException(e); // the partition's own affair, whatever it is: it begins again from the store's position, and nobody waits for ever
            }
        }
    }

    private async Task ApplyAloneAsync(Step step, CancellationToken stop)
    {
        var fault = await TryAsync([step], stop);
        for (var tries = 1; fault is not null && step.Entries.Count == 1 && tries < TriesMax; tries++)
        {
            await Task.Delay(BetweenTries, stop);
            fault = await TryAsync([step], stop);
        }

        if (fault is StalePositionException)
        {
            throw fault;
        }

        if (fault is not null && step.Entries.Count > 1)
        {
            var (first, second) = step.Halves();
            await ApplyAloneAsync(first, stop);
            await ApplyAloneAsync(second, stop);
        }
        else if (fault is not null)
        {
            await QuarantineAsync(step, fault, stop);
        }
    }

    /// <returns>What is wrong with the steps, or with one of them; null: the store has them all.</returns>
    private async Task<Exception?> TryAsync(IReadOnlyList<Step> steps, CancellationToken stop)
    {
        try
        {
            var batch = new LedgerBatch();
            foreach (var step in steps)
            {
                step.AddTo(batch, log);
            }

            await Patience.WhileAwayAsync(() => ledger.ApplyAsync(FeedbackHop.Reader, batch, stop), health, logger, stop);
            return null;
        }
        catch (Exception e) when (!IsStop(e, stop))
        {
            return e;
        }
    }

    private static bool IsStop(Exception e, CancellationToken stop) => e is OperationCanceledException && stop.IsCancellationRequested;

    /// <summary>Stored first, skipped second. The id follows from the place, so that a crash between the two makes no second case of it.</summary>
    private async Task QuarantineAsync(Step step, Exception fault, CancellationToken stop)
    {
        var (entry, id) = (step.Entries[0], step.Partition.Id);
        var parking = Id.Derive(Id.DayOf(entry.AppendedAt), System.Text.Encoding.UTF8.GetBytes($"{log.ClusterIdOf(id.Partition)}/{id.Topic}/{id.Partition}/{entry.Offset}"));
        var quarantined = new Quarantined
        {
            ParkingId = ByteString.CopyFrom(parking.ToBytes()), Topic = id.Topic, Partition = (uint)id.Partition, Offset = entry.Offset,
            Key = ByteString.CopyFrom(entry.Key.Span), Value = ByteString.CopyFrom(entry.Value.Span), Exception = fault.ToString(),
            At = entry.AppendedAt.ToUnixTimeMilliseconds(), Service = FeedbackHop.Reader,
        };
        var record = new Record(Topics.Quarantine, entry.Key, quarantined.ToBytes(Record.StoredBytesMax));
        await step.Partition.CommitAsync([record], step.Partition.NotBehind(step.Next), stop);
        var skip = new LedgerBatch();
        step.Move(skip, log);
        await Patience.WhileAwayAsync(() => ledger.ApplyAsync(FeedbackHop.Reader, skip, stop), health, logger, stop);
        Telemetry.Quarantined.Add(1, new KeyValuePair<string, object?>("messaging.destination.name", id.Topic));
        logger.Quarantined(fault, id.Topic, id.Partition, entry.Offset, parking.ToText(IdPrefix.Parking), fault.GetType().Name);
    }
}
