using System.Runtime.CompilerServices;

namespace Dispatch.Sandbox;

/// <summary>A growing array that is filled at its end and used again. Not thread-safe.</summary>
sealed class ByteBuffer(int capacity)
{
    byte[] octets = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => octets.AsSpan(0, Length);

    public ReadOnlyMemory<byte> Memory => octets.AsMemory(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Gives back what one large use left behind.</summary>
    public void Shrink(int capacityMax)
    {
        if (octets.Length > capacityMax)
        {
            octets = new byte[capacityMax];
            Length = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Take(bytes.Length));
    }

    public void Append(byte value) => Take(1)[0] = value;

    /// <summary>The next octets, to be written by the caller at once.</summary>
    public Span<byte> Take(int count)
    {
        Reserve(count);
        Length += count;
        return octets.AsSpan(Length - count, count);
    }

    /// <summary>Room behind what is written; <see cref="Advance"/> says how much of it was used.</summary>
    public Span<byte> Room(int count)
    {
        Reserve(count);
        return octets.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    void Reserve(int count)
    {
        if (octets.Length - Length < count)
        {
            Array.Resize(ref octets, Math.Max(octets.Length * 2, Length + count));
        }
    }
}
