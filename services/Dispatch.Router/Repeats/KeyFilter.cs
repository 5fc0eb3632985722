using System.Numerics;

namespace Dispatch.Router.Repeats;

/// <summary>
/// A Bloom filter over the keys of consecutive records: a few bytes a key say that it is not among them, for certain. "Maybe" is wrong once in about three million times
/// when it is full, and costs reading these records again.
/// </summary>
sealed class KeyFilter
{
    public const int KeysMax = 1 << 18;
    private const int BitsPerKey = 32;
    private const int Probes = 16;

    private readonly ulong[] _bits = new ulong[KeysMax * BitsPerKey / 64];
    private int _count;

    public bool IsFull => _count >= KeysMax;

    /// <summary>Its records were appended from here on...</summary>
    public DateTimeOffset From { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>...up to here, both included.</summary>
    public DateTimeOffset Until { get; private set; } = DateTimeOffset.MinValue;

    public void Add(UInt128 key, DateTimeOffset appendedAt)
    {
        var (at, step) = Hashes(key);
        for (var probe = 0; probe < Probes; probe++, at += step)
        {
            _bits[Word(at)] |= 1UL << (int)(at >> 26);
        }

        _count++;
        From = appendedAt < From ? appendedAt : From;
        Until = appendedAt > Until ? appendedAt : Until;
    }

    public bool MayHave(UInt128 key)
    {
        var (at, step) = Hashes(key);
        for (var probe = 0; probe < Probes; probe++, at += step)
        {
            if ((_bits[Word(at)] & (1UL << (int)(at >> 26))) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The low bits of a hash choose the word, its top six the bit.</summary>
    private int Word(uint at) => (int)(at & (uint)(_bits.Length - 1));

    /// <summary>Two hashes give all probes (Kirsch and Mitzenmacher, 2006).</summary>
    private static (uint At, uint Step) Hashes(UInt128 key)
    {
        var hash = (ulong)key ^ BitOperations.RotateLeft((ulong)(key >> 64), 32);
        hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15UL;
        hash = (hash ^ (hash >> 29)) * 0xD6E8FEB86659FD93UL;
        hash ^= hash >> 32;
        return ((uint)hash, (uint)(hash >> 32) | 1);
    }
}
