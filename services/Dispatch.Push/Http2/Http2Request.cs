using System.Buffers;

namespace Dispatch.Push.Http2;

/// <summary>
/// One POST as bytes: header block, then body, in one rented buffer, written by the sender's own thread, so that the connection only copies it.
/// Write the fields, call <see cref="BeginBody"/>, write the body. It belongs to the exchange until that has ended, and goes back by <see cref="Dispose"/>.
/// </summary>
sealed class Http2Request(int sizeHint = 2_048) : IBufferWriter<byte>, IDisposable
{
    /// <summary>One frame each: what is larger fits no provider.</summary>
    public const int PartBytesMax = Frame.PayloadMax;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(sizeHint);
    private int written;
    private int headerLength = -1;

    public ReadOnlySpan<byte> Header => buffer.AsSpan(0, headerLength);

    public ReadOnlySpan<byte> Body => buffer.AsSpan(headerLength, BodyLength);

    public int BodyLength => written - headerLength;

    public bool Fits => headerLength <= PartBytesMax && BodyLength <= PartBytesMax;

    public void BeginBody() => headerLength = written;

    public void Advance(int count) => written += count;

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return buffer.AsSpan(written);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return buffer.AsMemory(written);
    }

    public void Dispose()
    {
        var rented = Interlocked.Exchange(ref buffer, []);
        if (rented.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(rented); // message content stays in a pool of this process only
        }
    }

    private void Reserve(int more)
    {
        if (buffer.Length - written >= more)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(buffer.Length * 2, written + more));
        buffer.AsSpan(0, written).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
