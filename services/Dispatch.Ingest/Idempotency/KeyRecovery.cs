using Dispatch.Contracts;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Store.Idempotency;
using Google.Protobuf;

namespace Dispatch.Ingest.Idempotency;

/// <summary>
/// Writes the keys that the log has and the store may not: those that came while the store was away, and those whose commit a crash of the server took back.
/// </summary>
/// <param name="spool">What has not reached the log yet; null: there is none.</param>
sealed class KeyRecovery(IEventLog log, IdempotencyStore store, TimeProvider clock, ILogger<KeyRecovery> logger, Spool? spool = null)
{
    private const int GroupSize = 1_000;

    /// <summary>Keys older than this are not restored: a caller is promised to be remembered for so long.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(72);

    /// <summary>Where the newest key is looked for, nearest first, so that a table of a month is not read for it.</summary>
    private static readonly TimeSpan[] Back = [TimeSpan.FromMinutes(5), TimeSpan.FromHours(1), TimeSpan.FromHours(12), Remembered];

    /// <summary>
    /// From when on the store may miss keys. Commits reach its disk in their order, so when one key survived a crash, those that were committed before it did too.
    /// </summary>
    public async Task<DateTimeOffset> SinceAsync(DateTimeOffset blindSince, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        foreach (var back in Back)
        {
            if (await store.NewestAsync(now - back, stop) is { } newest)
            {
                return (newest < blindSince ? newest : blindSince) - Door.ClockSkew;
            }
        }

        return now - Remembered;
    }

    /// <returns>How many keys the log has since then.</returns>
    public async Task<int> RestoreAsync(DateTimeOffset since, CancellationToken stop)
    {
        await log.OpenedAsync(stop);
        var claim = Guid.CreateVersion7(); // never settled: whoever repeats such a call takes it over, and Router drops what is there already
        var group = new Dictionary<Guid, LoggedKey>(GroupSize);
        var restored = 0;
        foreach (var (of, partition) in spool is null ? Requests(log) : Requests(spool.Log).Concat(Requests(log)))
        {
            await foreach (var entry in of.ScanAsync(partition, since, stop))
            {
                if (KeyOf(entry) is { } key && group.TryAdd(key.Key, key) && group.Count == GroupSize)
                {
                    restored += await WriteAsync(group, claim, stop);
                }
            }
        }

        return restored + await WriteAsync(group, claim, stop);
    }

    private static IEnumerable<(IEventLog Log, TopicPartition Partition)> Requests(IEventLog log) =>
        from topic in Topics.Classes.Select(Topics.Requests)
        from partition in log.AllPartitionsOf(topic)
        select (log, partition);

    private async Task<int> WriteAsync(Dictionary<Guid, LoggedKey> group, Guid claim, CancellationToken stop)
    {
        if (group.Count == 0)
        {
            return 0;
        }

        foreach (var key in await store.RestoreAsync(group.Values, claim, stop))
        {
            // Both bodies were accepted while nobody could tell; the callers have their answers, somebody should know.
            Telemetry.DeferredConflicts.Add(1);
            logger.KeyConflict(key);
        }

        var written = group.Count;
        group.Clear();
        return written;
    }

    /// <returns>null: the request came without a key.</returns>
    public static LoggedKey? KeyOf(Entry entry)
    {
        try
        {
            var request = Request.Parser.ParseFrom(entry.Value.Span);
            return request.IdempotencyKey.Length == Id.Size && request.BodyHash.Length == Id.Size
                ? new LoggedKey(
                    new Guid(request.IdempotencyKey.Span, bigEndian: true), new Guid(request.BodyHash.Span, bigEndian: true),
                    DateTimeOffset.FromUnixTimeMilliseconds(request.AcceptedAt))
                : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // a record that nobody can read has no key; the service that consumes it puts it into quarantine
        }
    }
}
