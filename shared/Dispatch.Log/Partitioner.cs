using System.Numerics;
using System.Runtime.InteropServices;

namespace Dispatch.Log;

/// <summary>Which partition a key belongs to; the same on every implementation, so that a record keeps its place when a deployment grows from files to Kafka.</summary>
public static class Partitioner
{
    public static int Of(ReadOnlySpan<byte> key, int partitions)
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
        return (int)(((ulong)(hash * 0x9E3779B1u) * (uint)partitions) >> 32);
    }
}
