using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Router.Repeats;

/// <summary>
/// Drops what is driven again twice: a record that a person sends back from quarantine carries the id of its parking, and of each id one record goes on.
/// What the Router itself lets go from `held` carries none: that is one commit, and cannot happen twice. One for each partition of `reroute.*`.
/// </summary>
sealed class ParkingFilter(IEventLog log, TopicPartition partition)
{
    private const int SeenMax = 100_000;
    private HashSet<Id> _seen = [];
    private DateTimeOffset _seenSince = DateTimeOffset.MaxValue;

    /// <returns>What goes on. Repeating is safe.</returns>
    public async Task<List<Passage>> FilterAsync(IReadOnlyList<Incoming> records, CancellationToken stop)
    {
        var passages = new List<Passage>(records.Count);
        await LookBackAsync(records, stop);
        var here = new HashSet<Id>();
        foreach (var record in records)
        {
            if (ParkingOf(record) is { } id && (_seen.Contains(id) || !here.Add(id)))
            {
                RouterMeter.Repeats.Add(1);
                continue;
            }

            FanOut.Expand(record, passages);
        }

        return passages;
    }

    /// <summary>These went on, for good: their commit stands.</summary>
    public void Passed(IReadOnlyList<Incoming> records)
    {
        if (_seen.Count > SeenMax)
        {
            (_seen, _seenSince) = ([], DateTimeOffset.MaxValue);
        }
        else
        {
            _seen.UnionWith(records.Select(ParkingOf).OfType<Id>());
        }
    }

    /// <summary>An id tells on which day it was made: nothing that carries it is older.</summary>
    private async Task LookBackAsync(IReadOnlyList<Incoming> records, CancellationToken stop)
    {
        var oldest = records.Select(ParkingOf).OfType<Id>().Select(ParkedAt).DefaultIfEmpty(DateTimeOffset.MaxValue).Min();
        if (oldest >= _seenSince)
        {
            return;
        }

        var seen = new HashSet<Id>();
        await foreach (var entry in log.ScanAsync(partition, oldest, stop))
        {
            if (entry.Offset >= records[0].Entry.Offset)
            {
                break;
            }

            var fields = new WireFields(entry.Value.Span);
            while (fields.Next())
            {
                if (fields.Number == Message.ParkingIdFieldNumber && fields.Bytes.Length == Id.Size)
                {
                    seen.Add(Id.From(fields.Bytes));
                }
            }
        }

        (_seen, _seenSince) = (seen, oldest);
    }

    private static Id? ParkingOf(Incoming record) => record.Message is { ParkingId.Length: Id.Size } message ? Id.From(message.ParkingId.Span) : null;

    private static DateTimeOffset ParkedAt(Id parking) => new(parking.Day.AddDays(-1), TimeOnly.MinValue, TimeSpan.Zero); // clocks differ, and some are derived
}
