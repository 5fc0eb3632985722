using System.Runtime.InteropServices;
using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Store;

namespace Dispatch.Router.Capping;

/// <summary>The asks of a batch, brought together by recipient, each recipient's in order of arrival.</summary>
sealed class CapAsks(int capacity)
{
    private readonly List<(Guid Recipient, int Order, CapAsk Ask, Passage? Passage)> _asks = new(capacity);
    private CapRule?[] _refusedBy = [];

    public int Count => _asks.Count;

    /// <param name="passage">null for a charge, which has no answer.</param>
    public void Add(ReadOnlySpan<byte> recipientKey, CapAsk ask, Passage? passage) => _asks.Add((new Guid(recipientKey, bigEndian: true), _asks.Count, ask, passage));

    public async Task DecideAsync(CapDesk desk, long now, Freshness freshness, CancellationToken stop)
    {
        _asks.Sort((one, other) => one.Recipient != other.Recipient ? one.Recipient.CompareTo(other.Recipient) : one.Order.CompareTo(other.Order));
        _refusedBy = new CapRule?[_asks.Count];
        var asks = _asks.ConvertAll(it => it.Ask);
        var places = Recipients();
        await desk.DecideAsync(
            [.. places.Keys],
            (recipient, held) =>
            {
                var (first, count) = places[recipient];
                var decision = Policy.Caps.Decide(held, CollectionsMarshal.AsSpan(asks).Slice(first, count), now, freshness);
                decision.RefusedBy.CopyTo(_refusedBy, first);
                return decision.Changed ? decision.Places : null;
            },
            stop);
    }

    /// <summary>Of the last decision: for each ask the rule that has no room for it, null where it has its places.</summary>
    public IEnumerable<(Passage Passage, CapRule? RefusedBy)> Answers() => _asks.Select((ask, i) => (ask.Passage!, _refusedBy[i]));

    private Dictionary<Guid, (int First, int Count)> Recipients()
    {
        var recipients = new Dictionary<Guid, (int First, int Count)>(_asks.Count);
        for (var i = 0; i < _asks.Count; i++)
        {
            ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(recipients, _asks[i].Recipient, out var known);
            place = known ? (place.First, place.Count + 1) : (i, 1);
        }

        return recipients;
    }
}
