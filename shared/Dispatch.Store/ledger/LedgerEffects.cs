using Dispatch.Contracts;

namespace Dispatch.Store;

/// <summary>What follows from facts, each once: what is counted, given back, suppressed.</summary>
sealed class LedgerEffects
{
    private static readonly Promise Nobody = new(null, "", TrafficClass.Unspecified, Channel.Unspecified, [], "", [], default, null);
    private readonly List<Suppression> _suppressions = [];

    public MinuteStats Stats { get; } = new();

    public List<(byte[] RecipientKey, Guid MessageId)> Releases { get; } = [];

    /// <summary>In the order in which their rows are locked.</summary>
    public List<Suppression> Suppressions =>
        [.. _suppressions.OrderBy(it => it.Tenant, StringComparer.Ordinal).ThenBy(it => it.Channel).ThenBy(it => Convert.ToHexString(it.AddressKey), StringComparer.Ordinal)];

    public void Add(LedgerRow row)
    {
        if (row.NewlyExpected)
        {
            Stats.Add(row.Promise, StatKinds.Accepted, "", row.Promise.AcceptedAt, 0);
        }

        foreach (var fact in row.ToCount)
        {
            Stats.Add(row.Promise, StatKinds.Of(fact), fact.Provider, Promise.Time(fact.At), (int)fact.Segments);
            if (fact.Suppress.Length > 0)
            {
                _suppressions.Add(new Suppression(
                    row.Promise.Tenant, row.Promise.Channel, fact.Suppress.ToByteArray(), fact.Reason, DateTimeOffset.FromUnixTimeMilliseconds(fact.At)));
            }

            if (fact.NothingLeft && !row.MayHaveLeft && row.Promise.RecipientKey.Length == RecipientKey.Size)
            {
                Releases.Add((row.Promise.RecipientKey, row.Id.ToGuid()));
            }
        }
    }

    /// <summary>
    /// Opens, clicks and displays become facts of the message that they name, if it is known and belongs to the same tenant: an SDK's key is public, and anybody can
    /// make ids up. All other events are only counted.
    /// </summary>
    public Dictionary<Id, MessageNews> Place(IReadOnlyList<Event> events, LedgerBatch batch, Dictionary<Id, Known> known, DayWindow window)
    {
        var placed = new Dictionary<Id, MessageNews>();
        foreach (var happened in events)
        {
            var at = Math.Min(happened.At, happened.ReceivedAt); // a device's clock may be ahead, or years behind
            at = at >= window.FirstMillisecond ? at : happened.ReceivedAt;
            Id? id = happened.MessageId.Length == Id.Size ? Id.From(happened.MessageId.Span) : null;
            var promise = id is { } named ? known.GetValueOrDefault(named)?.Promise ?? batch.Messages.GetValueOrDefault(named)?.Promise : null;
            if (StatKinds.Engagement(happened) is { } kind && promise is { IsKnown: true } && promise.Tenant == happened.Tenant)
            {
                var news = placed.TryGetValue(id!.Value, out var has) ? has : placed[id.Value] = new MessageNews();
                news.Add(new Outcome { Kind = kind, At = at, SourceId = happened.EventId });
            }
            else
            {
                Stats.Add(Nobody with { Tenant = happened.Tenant }, StatKinds.Of(happened), "", Promise.Time(at), 0);
            }
        }

        return placed;
    }
}
