using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Dispatch.Ingest.Idempotency;

/// <summary>
/// The keys that this process saw last: a repeat that comes soon needs no store, two at once are told apart here, and it is what there is while the store is away.
/// Bounded: the oldest is forgotten first, whether it is settled or not; the store and the log know it. A key that is settled is no object any more: a hundred thousand
/// that live for seconds each are what a garbage collector is worst at.
/// </summary>
sealed class KeyMemory(int capacity)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Entry> _keys = [];
    private readonly List<Guid> _ring = [];
    private int _next;

    /// <returns>null: the key was not known and is held by <paramref name="held"/> now.</returns>
    public HeldKey? TryHold(HeldKey held)
    {
        lock (_gate)
        {
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_keys, held.Key, out var exists);
            if (exists)
            {
                return known.Held ?? HeldKey.Settled(held.Key, known.Body, known.FirstAt);
            }

            known = new Entry(held.Body, held.FirstAt, held, _next);
            Take(held.Key); // it may move what was just looked up
            return null;
        }
    }

    /// <summary>The key is settled, and all that there is to know of it are its body and its time.</summary>
    public void Settle(HeldKey held)
    {
        lock (_gate)
        {
            ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_keys, held.Key);
            if (!Unsafe.IsNullRef(ref known) && known.Held == held)
            {
                known = known with { FirstAt = held.FirstAt, Held = null };
            }
        }
    }

    public void Forget(HeldKey held)
    {
        lock (_gate)
        {
            if (_keys.TryGetValue(held.Key, out var known) && known.Held == held)
            {
                _keys.Remove(held.Key);
            }
        }
    }

    /// <summary>Takes the next place in the ring, for which the oldest makes room.</summary>
    private void Take(Guid key)
    {
        var place = _next;
        _next = (_next + 1) % capacity;
        if (place == _ring.Count)
        {
            _ring.Add(key);
            return;
        }

        var oldest = _ring[place];
        _ring[place] = key;
        if (_keys.Remove(oldest, out var known) && known.Slot != place)
        {
            _keys.Add(oldest, known); // it was forgotten, and held anew elsewhere
        }
    }

    /// <param name="Held">While its call is at work, and as long as its answer does not follow from the body.</param>
    private readonly record struct Entry(Guid Body, DateTimeOffset FirstAt, HeldKey? Held, int Slot);
}
