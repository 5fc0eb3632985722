using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Store;
using Google.Protobuf;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>
/// Runs a hop over a partition and owns its faults.
/// Promise: lost infrastructure (log, PostgreSQL) costs time, never a record: it is waited for, and the work goes on where it stood. A record that throws again and
/// again is put in quarantine, stored and skipped in one commit, and its neighbours go on.
/// </summary>
sealed class HopLoop(IOptions<RouterOptions> options, TimeProvider clock, ILogger<HopLoop> log)
{
    private static readonly TimeSpan FirstRest = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(10);

    public async Task RunAsync(IPartition partition, IHop hop, CancellationToken stop)
    {
        var position = partition.Start;
        for (var rest = FirstRest; !stop.IsCancellationRequested;)
        {
            try
            {
                await foreach (var batch in partition.ReadAsync(position, stop))
                {
                    await HandleAsync(partition, hop, batch, stop);
                    (position, rest) = (new Position(batch.End), FirstRest);
                }

                return;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (LeaseLostException e)
            {
                log.LeaseLost(partition.Id.Topic, partition.Id.Partition, e.Message);
                return;
            }
            catch (Exception e) when (IsLost(e)) // reading failed: handling waits by itself
            {
                rest = await RestAsync(partition, e, rest, stop);
            }
        }
    }

    public static bool IsLost(Exception e) => e is LogUnavailableException || StoreFault.IsUnavailable(e);

    public async Task<TimeSpan> RestAsync(IPartition partition, Exception fault, TimeSpan rest, CancellationToken stop)
    {
        if (rest == FirstRest)
        {
            log.InfrastructureLost(fault, partition.Id.Topic, partition.Id.Partition, fault.Message);
        }

        RouterMeter.Faults.Add(1, RouterMeter.Topic(partition.Id.Topic));
        await Task.Delay(rest, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return rest * 2 > LongestRest ? LongestRest : rest * 2;
    }

    /// <summary>A part of the batch that throws is halved until the record that does it stands alone.</summary>
    private async Task HandleAsync(IPartition partition, IHop hop, Batch batch, CancellationToken stop)
    {
        var (most, tries, rest) = (batch.Entries.Count, 0, FirstRest);
        for (var at = 0; at < batch.Entries.Count;)
        {
            var slice = new Slice(batch.Entries, at, Math.Min(most, batch.Entries.Count - at), batch.End);
            try
            {
                at += await hop.HandleAsync(slice, stop);
                (most, tries, rest) = (Math.Min(most * 2, batch.Entries.Count), 0, FirstRest);
            }
            catch (Exception e) when (IsLost(e) && !stop.IsCancellationRequested)
            {
                rest = await RestAsync(partition, e, rest, stop);
                stop.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (e is not (OperationCanceledException or LeaseLostException) && slice.Count > 1)
            {
                most = slice.Count / 2;
            }
            catch (Exception e) when (e is not (OperationCanceledException or LeaseLostException))
            {
                log.RecordThrew(e, partition.Id.Topic, partition.Id.Partition, slice[0].Offset, ++tries);
                if (tries >= options.Value.TriesMax)
                {
                    await QuarantineAsync(partition, hop, slice, e, stop);
                    (at, tries) = (at + 1, 0);
                }
            }
        }
    }

    private async Task QuarantineAsync(IPartition partition, IHop hop, Slice slice, Exception exception, CancellationToken stop)
    {
        var (entry, now) = (slice[0], clock.GetUtcNow());
        var parking = Id.New(now);
        List<Message> messages = [.. hop.MessagesOf(entry)];
        var record = new Quarantined
        {
            ParkingId = ByteString.CopyFrom(parking.ToBytes()),
            Topic = partition.Id.Topic,
            Partition = (uint)partition.Id.Partition,
            Offset = entry.Offset,
            Key = ByteString.CopyFrom(entry.Key.Span),
            Value = ByteString.CopyFrom(entry.Value.Span),
            Exception = exception.ToString(),
            At = now.ToUnixTimeMilliseconds(),
            Service = "router",
            MessageId = messages.Count == 1 ? messages[0].MessageId : ByteString.Empty,
            Tenant = messages.Count > 0 ? messages[0].Tenant : "",
        };
        List<Record> outputs =
        [
            new Record(Topics.Quarantine, entry.Key, record.ToBytes(Record.StoredBytesMax)) { Headers = entry.Headers },
            .. messages.Select(message => Outcomes.Quarantined(message, parking, exception.GetType().Name, now).ToRecord(entry.Headers)),
        ];

        for (var rest = FirstRest; ;)
        {
            try
            {
                await partition.CommitAsync(outputs, new Position(slice.End(1)), stop);
                log.Quarantined(partition.Id.Topic, partition.Id.Partition, entry.Offset, exception.GetType().Name);
                RouterMeter.Quarantined.Add(1, RouterMeter.Topic(partition.Id.Topic));
                return;
            }
            catch (Exception e) when (IsLost(e) && !stop.IsCancellationRequested)
            {
                rest = await RestAsync(partition, e, rest, stop);
                stop.ThrowIfCancellationRequested();
            }
        }
    }
}
