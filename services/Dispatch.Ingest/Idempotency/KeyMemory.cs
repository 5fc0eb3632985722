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
            if (_keys.TryGetValue(held.Key, out var known))
            {
                return known.Held ?? HeldKey.Settled(held.Key, known.Body, known.FirstAt);
            }

            _keys.Add(held.Key, new Entry(held.Body, held.FirstAt, held, Slot(held.Key)));
            return null;
        }
    }

    /// <summary>The key is settled, and all that there is to know of it are its body and its time.</summary>
    public void Settle(HeldKey held)
    {
        lock (_gate)
        {
            if (_keys.TryGetValue(held.Key, out var known) && known.Held == held)
            {
                _keys[held.Key] = known with { FirstAt = held.FirstAt, Held = null };
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

    /// <summary>A place in the ring, for which the oldest makes room.</summary>
    private int Slot(Guid key)
    {
        if (_ring.Count < capacity)
        {
            _ring.Add(key);
            return _ring.Count - 1;
        }

        var slot = _next;
        _next = (_next + 1) % capacity;
        if (_keys.TryGetValue(_ring[slot], out var oldest) && oldest.Slot == slot) // it may have been forgotten, and held anew elsewhere
        {
            _keys.Remove(_ring[slot]);
        }

        _ring[slot] = key;
        return slot;
    }

    /// <param name="Held">While its call is at work, and as long as its answer does not follow from the body.</param>
    private readonly record struct Entry(Guid Body, DateTimeOffset FirstAt, HeldKey? Held, int Slot);
}
