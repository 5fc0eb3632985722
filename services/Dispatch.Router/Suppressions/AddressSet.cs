using System.Buffers.Binary;

namespace Dispatch.Router.Suppressions;

/// <summary>
/// Address keys, 16 bytes each, in one flat table: some 24 bytes an entry, where a HashSet takes 40. The keys are hashes already, so their low bits say where they
/// stand. One writer, no reader meanwhile: whoever shares it locks.
/// </summary>
sealed class AddressSet
{
    private const int SmallestTable = 64;
    private UInt128[] _table = new UInt128[SmallestTable]; // 0 is a free place: the chance that a keyed hash is 0 is one in 2^128

    public int Count { get; private set; }

    public static UInt128 KeyOf(ReadOnlySpan<byte> addressKey) => BinaryPrimitives.ReadUInt128BigEndian(addressKey);

    public bool Contains(UInt128 key) => _table[Find(_table, key)] != 0;

    public void Add(UInt128 key)
    {
        if ((Count + 1) * 3L > _table.Length * 2L)
        {
            Grow();
        }

        var at = Find(_table, key);
        if (_table[at] == 0)
        {
            _table[at] = key;
            Count++;
        }
    }

    public void Remove(UInt128 key)
    {
        var free = Find(_table, key);
        if (_table[free] == 0)
        {
            return;
        }

        // Close the gap, or those that were pushed over it would not be found any more.
        _table[free] = 0;
        Count--;
        var mask = _table.Length - 1;
        for (var at = (free + 1) & mask; _table[at] != 0; at = (at + 1) & mask)
        {
            var moved = _table[at];
            _table[at] = 0;
            _table[Find(_table, moved)] = moved;
        }
    }

    public IEnumerable<UInt128> Keys => _table.Where(key => key != 0);

    private void Grow()
    {
        var next = new UInt128[_table.Length * 2];
        foreach (var key in Keys)
        {
            next[Find(next, key)] = key;
        }

        _table = next;
    }

    /// <returns>Where the key stands, or the free place where it would.</returns>
    private static int Find(UInt128[] table, UInt128 key)
    {
        var mask = table.Length - 1;
        var at = (int)(uint)key & mask;
        while (table[at] != 0 && table[at] != key)
        {
            at = (at + 1) & mask;
        }

        return at;
    }
}
