using System.Collections.Concurrent;

namespace Dispatch.Ingest.Idempotency;

/// <summary>
/// The keys that this process saw last: a repeat that comes soon needs no store, two at once are told apart here, and it is what there is while the store is away.
/// Bounded: the oldest is forgotten first, whether it is settled or not; the store and the log know it.
/// </summary>
sealed class KeyMemory(int capacity)
{
    private readonly ConcurrentDictionary<Guid, HeldKey> _keys = new();
    private readonly HeldKey?[] _ring = new HeldKey?[capacity];
    private uint _next;

    /// <returns>null: the key was not known and is held by <paramref name="held"/> now.</returns>
    public HeldKey? TryHold(HeldKey held)
    {
        while (!_keys.TryAdd(held.Key, held))
        {
            if (_keys.TryGetValue(held.Key, out var known))
            {
                return known;
            }
        }

        var oldest = Interlocked.Exchange(ref _ring[Interlocked.Increment(ref _next) % (uint)_ring.Length], held);
        if (oldest is not null)
        {
            Forget(oldest);
        }

        return null;
    }

    public void Forget(HeldKey held) => _keys.TryRemove(new KeyValuePair<Guid, HeldKey>(held.Key, held));
}
