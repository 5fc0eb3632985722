using System.Buffers;
using System.Text;

namespace Dispatch.Email.Mime;

/// <summary>Bytes on their way to the wire, in a rented array; given back on disposal.</summary>
sealed class ByteWriter(int size = 4096) : IDisposable
{
    private byte[] bytes = ArrayPool<byte>.Shared.Rent(size);

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => bytes.AsMemory(0, Length);

    public Span<byte> GetSpan(int atLeast)
    {
        if (bytes.Length - Length < atLeast)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Length + atLeast, bytes.Length * 2));
            bytes.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(bytes);
            bytes = larger;
        }

        return bytes.AsSpan(Length);
    }

    public void Advance(int by) => Length += by;

    public void Write(ReadOnlySpan<byte> value)
    {
        value.CopyTo(GetSpan(value.Length));
        Length += value.Length;
    }

    /// <summary>In UTF-8; what is no Unicode becomes U+FFFD.</summary>
    public void Write(ReadOnlySpan<char> text) => Length += Encoding.UTF8.GetBytes(text, GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length)));

    public void Write(int number)
    {
        number.TryFormat(GetSpan(11), out var written, provider: null);
        Length += written;
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
            (bytes, Length) = ([], 0);
        }
    }
}
