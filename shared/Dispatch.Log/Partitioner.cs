using System.Numerics;
using System.Runtime.InteropServices;

namespace Dispatch.Log;

/// <summary>Which partition a key belongs to; the same on every implementation, so that a record keeps its place when a deployment grows from files to Kafka.</summary>
public static class Partitioner
{
    public static int Of(ReadOnlySpan<byte> key, int partitions) => (int)(((ulong)Hash(key) * (uint)partitions) >> 32);

    /// <summary>0 to 1, by the bits that hardly matter to <see cref="Of"/>: a share of the keys is a share in every partition.</summary>
    public static double Fraction(ReadOnlySpan<byte> key) => (Hash(key) & 0xFFFF) / 65_536.0;

    private static uint Hash(ReadOnlySpan<byte> key)
    {
        var hash = uint.MaxValue;
        while (key.Length >= sizeof(ulong))
        {
            hash = BitOperations.Crc32C(hash, MemoryMarshal.Read<ulong>(key));
            key = key[sizeof(ulong)..];
        }

        foreach (var b in key)
        {
            hash = BitOperations.Crc32C(hash, b);
        }

        // A CRC is linear: neighbours in, neighbours out. The multiplication spreads them over the high bits, which pick the partition.
        return hash * 0x9E3779B1u;
    }
}
