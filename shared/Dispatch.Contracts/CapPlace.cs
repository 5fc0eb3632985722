using System.Runtime.InteropServices;

namespace Dispatch.Contracts;

/// <summary>
/// One message's place under one rule, as it lies in the row of its recipient: 16 bytes, little-endian, one place behind the other, in no order.
/// A message that two rules count has two places. Small, because a recipient's row is read and written as a whole for each of its messages.
/// </summary>
/// <param name="Message"><see cref="KeyOf"/> of the message.</param>
/// <param name="Rule">Number of the rule.</param>
/// <param name="Until">Unix seconds; from then on the place no longer counts.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = CapPlace.Size)]
public readonly record struct CapPlace(ulong Message, int Rule, uint Until)
{
    public const int Size = 16;

    /// <summary>
    /// The half of a message's id that is hash or chance. Two messages of one recipient with the same half would share a place: with a thousand of them in a row
    /// the chance is one in 10^13.
    /// </summary>
    public static ulong KeyOf(Id message) => (ulong)message.Value;

    /// <summary>Rounded up: a place may count a second too long, never too short.</summary>
    public static uint UntilOf(long unixMilliseconds) => (uint)Math.Clamp((unixMilliseconds + 999) / 1_000, 0, uint.MaxValue);

    /// <param name="now">Unix milliseconds.</param>
    public bool CountsAt(long now) => Until * 1_000L > now;

    /// <exception cref="FormatException">Not a whole number of places: the row was written by something else.</exception>
    public static ReadOnlySpan<CapPlace> Read(ReadOnlySpan<byte> row) => row.Length % Size == 0
        ? MemoryMarshal.Cast<byte, CapPlace>(row)
        : throw new FormatException($"a row of places has {row.Length} bytes, which is no multiple of {Size}");

    public static byte[] Write(ReadOnlySpan<CapPlace> places) => MemoryMarshal.AsBytes(places).ToArray();
}
