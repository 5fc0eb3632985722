using System.Buffers;
using System.Buffers.Binary;

namespace Dispatch.Push.Http2;

/// <summary>Frames about the connection itself, in the order in which they have to leave, before any request.</summary>
sealed class Http2Control
{
    public const ushort EnablePush = 2;
    public const ushort MaxConcurrentStreams = 3;
    public const ushort InitialWindowSize = 4;

    /// <summary>A peer that asks for more acknowledgements than this without reading any is not one to keep.</summary>
    private const int UnreadBytesMax = 65_536;

    private readonly ArrayBufferWriter<byte> pending = new();
    private int taken;

    public bool Pending => pending.WrittenCount > taken;

    /// <summary>What a client opens with: the magic words, "no pushes", and a window that no answer will ever fill.</summary>
    public void Preface(int receiveWindow)
    {
        pending.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        var setting = Begin(6, FrameType.Settings, 0, 0);
        BinaryPrimitives.WriteUInt16BigEndian(setting, EnablePush);
        BinaryPrimitives.WriteUInt32BigEndian(setting[2..], 0);
        pending.Advance(Frame.HeaderSize + 6);
        WindowUpdate(0, receiveWindow - 65_535);
    }

    public void SettingsAck()
    {
        Refuse();
        Begin(0, FrameType.Settings, Frame.Ack, 0);
        pending.Advance(Frame.HeaderSize);
    }

    public void Ping()
    {
        BinaryPrimitives.WriteInt64BigEndian(Begin(8, FrameType.Ping, 0, 0), 0);
        pending.Advance(Frame.HeaderSize + 8);
    }

    public void PingAck(long opaque)
    {
        Refuse();
        BinaryPrimitives.WriteInt64BigEndian(Begin(8, FrameType.Ping, Frame.Ack, 0), opaque);
        pending.Advance(Frame.HeaderSize + 8);
    }

    public void WindowUpdate(int streamId, int more)
    {
        BinaryPrimitives.WriteInt32BigEndian(Begin(4, FrameType.WindowUpdate, 0, streamId), more);
        pending.Advance(Frame.HeaderSize + 4);
    }

    public void Reset(int streamId, ErrorCode code)
    {
        pending.Advance(WriteReset(pending.GetSpan(Frame.HeaderSize + 4), streamId, code));
    }

    public void GoAway(ErrorCode code)
    {
        var payload = Begin(8, FrameType.GoAway, 0, 0);
        BinaryPrimitives.WriteInt32BigEndian(payload, 0);
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], (uint)code);
        pending.Advance(Frame.HeaderSize + 8);
    }

    public static int WriteReset(Span<byte> to, int streamId, ErrorCode code)
    {
        new Frame(4, FrameType.RstStream, 0, streamId).Write(to);
        BinaryPrimitives.WriteUInt32BigEndian(to[Frame.HeaderSize..], (uint)code);
        return Frame.HeaderSize + 4;
    }

    /// <returns>Bytes written. While some are still <see cref="Pending"/>, nothing else may follow them.</returns>
    public int Write(Span<byte> to)
    {
        var now = Math.Min(pending.WrittenCount - taken, to.Length);
        pending.WrittenSpan.Slice(taken, now).CopyTo(to);
        taken += now;
        if (taken == pending.WrittenCount)
        {
            pending.ResetWrittenCount();
            taken = 0;
        }

        return now;
    }

    /// <summary>Only of what the peer itself asks for: our own pings and resets are ours to bound.</summary>
    private void Refuse() =>
        Http2Exception.ThrowIf(pending.WrittenCount - taken > UnreadBytesMax, ErrorCode.EnhanceYourCalm, "peer asks and does not read");

    private Span<byte> Begin(int length, FrameType type, byte flags, int streamId)
    {
        var to = pending.GetSpan(Frame.HeaderSize + length);
        new Frame(length, type, flags, streamId).Write(to);
        return to[Frame.HeaderSize..];
    }
}
