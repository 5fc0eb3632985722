using System.Numerics;
using System.Runtime.InteropServices;

namespace Dispatch.Log.Files;

/// <summary>CRC32C, by the processor's own instruction. It finds every error of one to three bits and every burst of up to 32 in what a frame can hold.</summary>
public static class Crc
{
    /// <param name="seed">what the bytes belong to, or the checksum of what came before them</param>
    public static uint Of(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var crc = ~seed;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, MemoryMarshal.Read<ulong>(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }
}
