using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Store;

namespace Dispatch.Router.Capping;

/// <summary>The asks of a batch, brought together by recipient, each recipient's in order of arrival.</summary>
sealed class CapAsks(int capacity)
{
    private readonly List<Guid> _recipients = new(capacity);
    private readonly List<CapAsk> _asks = new(capacity);
    private readonly List<Passage?> _passages = new(capacity);
    private int[] _order = [];
    private CapRule?[] _refusedBy = [];

    public int Count => _asks.Count;

    /// <param name="passage">null for a charge, which has no answer.</param>
    public void Add(ReadOnlySpan<byte> recipientKey, CapAsk ask, Passage? passage)
    {
        _recipients.Add(new Guid(recipientKey, bigEndian: true));
        _asks.Add(ask);
        _passages.Add(passage);
    }

    public async Task DecideAsync(CapDesk desk, long now, Freshness freshness, CancellationToken stop)
    {
        var (recipients, firsts) = Sort();
        var asks = Array.ConvertAll(_order, at => _asks[at]);
        _refusedBy = new CapRule?[asks.Length];
        await desk.DecideAsync(
            recipients,
            (recipient, held) =>
            {
                var at = Array.BinarySearch(recipients, recipient);
                var first = firsts[at];
                var end = at + 1 < firsts.Count ? firsts[at + 1] : asks.Length;
                var decision = Policy.Caps.Decide(held, asks.AsSpan(first, end - first), now, freshness);
                decision.RefusedBy.CopyTo(_refusedBy, first);
                return decision.Changed ? decision.Places : null;
            },
            stop);
    }

    /// <summary>Of the last decision: for each ask the rule that has no room for it, null where it has its places.</summary>
    public IEnumerable<(Passage Passage, CapRule? RefusedBy)> Answers() => _order.Select((at, i) => (_passages[at]!, _refusedBy[i]));

    /// <summary>Small keys are sorted, not the asks: those are moved once.</summary>
    /// <returns>The recipients, ascending, each once; and where the asks of each begin in the new order.</returns>
    private (Guid[] Recipients, List<int> Firsts) Sort()
    {
        var keys = _recipients.ToArray();
        _order = new int[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            _order[i] = i;
        }

        Array.Sort(keys, _order);
        var (recipients, firsts) = (new List<Guid>(keys.Length), new List<int>(keys.Length));
        for (var (first, end) = (0, 0); first < keys.Length; first = end)
        {
            for (end = first + 1; end < keys.Length && keys[end] == keys[first]; end++)
            {
            }

            Array.Sort(_order, first, end - first); // the sort of the keys left equal ones in any order
            recipients.Add(keys[first]);
            firsts.Add(first);
        }

        return ([.. recipients], firsts);
    }
}
