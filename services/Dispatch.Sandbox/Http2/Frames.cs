using System.Buffers.Binary;

namespace Dispatch.Sandbox.Http2;

/// <summary>RFC 9113, section 6.</summary>
enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// <summary>What a bit means depends on the frame's type.</summary>
[Flags]
enum FrameFlags : byte
{
    None = 0,
    EndStream = 1,
    EndHeaders = 4,
    Padded = 8,
    Priority = 32,
}

enum Setting : ushort
{
    HeaderTableSize = 1,
    EnablePush = 2,
    MaxConcurrentStreams = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
    MaxHeaderListSize = 6,
}

readonly record struct FrameHead(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    /// <summary>The same bit as END_STREAM, in SETTINGS and PING.</summary>
    public const FrameFlags Ack = FrameFlags.EndStream;

    public const int Size = 9;

    /// <summary>What this side takes: the RFC's default, never raised.</summary>
    public const int PayloadMax = 16 * 1024;

    public bool Has(FrameFlags flag) => (Flags & flag) != 0;

    public static FrameHead Read(ReadOnlySpan<byte> from) => new(
        (from[0] << 16) | (from[1] << 8) | from[2], (FrameType)from[3], (FrameFlags)from[4], BinaryPrimitives.ReadInt32BigEndian(from[5..]) & int.MaxValue);
}

/// <summary>The frames that a server sends, written behind one another into one buffer.</summary>
static class FrameWriter
{
    public static void Head(ByteBuffer to, int length, FrameType type, FrameFlags flags, int streamId)
    {
        var head = to.Take(FrameHead.Size);
        head[0] = (byte)(length >> 16);
        head[1] = (byte)(length >> 8);
        head[2] = (byte)length;
        head[3] = (byte)type;
        head[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(head[5..], streamId);
    }

    public static void Settings(ByteBuffer to, params ReadOnlySpan<(Setting Id, int Value)> settings)
    {
        Head(to, settings.Length * 6, FrameType.Settings, FrameFlags.None, 0);
        foreach (var (id, value) in settings)
        {
            var entry = to.Take(6);
            BinaryPrimitives.WriteUInt16BigEndian(entry, (ushort)id);
            BinaryPrimitives.WriteInt32BigEndian(entry[2..], value);
        }
    }

    public static void SettingsAck(ByteBuffer to) => Head(to, 0, FrameType.Settings, FrameHead.Ack, 0);

    public static void Pong(ByteBuffer to, ReadOnlySpan<byte> payload)
    {
        Head(to, payload.Length, FrameType.Ping, FrameHead.Ack, 0);
        to.Append(payload);
    }

    public static void Reset(ByteBuffer to, int streamId, Http2Error code)
    {
        Head(to, 4, FrameType.RstStream, FrameFlags.None, streamId);
        BinaryPrimitives.WriteUInt32BigEndian(to.Take(4), (uint)code);
    }

    public static void WindowUpdate(ByteBuffer to, int streamId, int octets)
    {
        Head(to, 4, FrameType.WindowUpdate, FrameFlags.None, streamId);
        BinaryPrimitives.WriteInt32BigEndian(to.Take(4), octets);
    }

    public static void GoAway(ByteBuffer to, int lastStreamId, Http2Error code, ReadOnlySpan<byte> debug)
    {
        Head(to, 8 + debug.Length, FrameType.GoAway, FrameFlags.None, 0);
        var body = to.Take(8);
        BinaryPrimitives.WriteInt32BigEndian(body, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(body[4..], (uint)code);
        to.Append(debug);
    }
}
