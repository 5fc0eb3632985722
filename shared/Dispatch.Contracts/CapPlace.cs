using System.Runtime.InteropServices;

namespace Dispatch.Contracts;

/// <summary>
/// One message's place under one rule, as it lies in the row of its recipient: 32 bytes, little-endian, one place behind the other, in no order.
/// A message that two rules count has two places.
/// </summary>
/// <param name="Rule">Number of the rule.</param>
/// <param name="Until">Unix milliseconds; from then on the place no longer counts.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = CapPlace.Size)]
public readonly record struct CapPlace(long Rule, long Until, Id Message)
{
    public const int Size = 32;

    /// <exception cref="FormatException">Not a whole number of places: the row was written by something else.</exception>
    public static ReadOnlySpan<CapPlace> Read(ReadOnlySpan<byte> row) => row.Length % Size == 0
        ? MemoryMarshal.Cast<byte, CapPlace>(row)
        : throw new FormatException($"a row of places has {row.Length} bytes, which is no multiple of {Size}");

    public static byte[] Write(ReadOnlySpan<CapPlace> places) => MemoryMarshal.AsBytes(places).ToArray();
}
