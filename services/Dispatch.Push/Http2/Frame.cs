using System.Buffers.Binary;

namespace Dispatch.Push.Http2;

enum FrameType : byte { Data, Headers, Priority, RstStream, Settings, PushPromise, Ping, GoAway, WindowUpdate, Continuation }

/// <summary>Source: RFC 9113, section 7.</summary>
enum ErrorCode : uint
{
    NoError, ProtocolError, InternalError, FlowControlError, SettingsTimeout, StreamClosed, FrameSizeError, RefusedStream, Cancel, CompressionError,
    ConnectError, EnhanceYourCalm, InadequateSecurity, Http11Required,
}

/// <summary>The nine bytes in front of every frame. Source: RFC 9113, section 4.1.</summary>
readonly record struct Frame(int Length, FrameType Type, byte Flags, int StreamId)
{
    public const int HeaderSize = 9;

    /// <summary>What a peer may send as long as nobody asked for more, and what every peer takes.</summary>
    public const int PayloadMax = 16_384;

    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    public const byte EndHeaders = 0x4;
    public const byte Padded = 0x8;
    public const byte WithPriority = 0x20;

    public bool Has(byte flag) => (Flags & flag) != 0;

    public static Frame Read(ReadOnlySpan<byte> from) => new(
        (from[0] << 16) | (from[1] << 8) | from[2], (FrameType)from[3], from[4], BinaryPrimitives.ReadInt32BigEndian(from[5..]) & int.MaxValue);

    public void Write(Span<byte> to)
    {
        to[0] = (byte)(Length >> 16);
        to[1] = (byte)(Length >> 8);
        to[2] = (byte)Length;
        to[3] = (byte)Type;
        to[4] = Flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], StreamId);
    }

    /// <summary>The payload without padding and priority, which DATA and HEADERS may carry around it.</summary>
    public ReadOnlySpan<byte> Unwrap(ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        if (Has(Padded))
        {
            Http2Exception.ThrowIf(payload.IsEmpty, ErrorCode.FrameSizeError, "padded frame without its pad length");
            padding = payload[0];
            payload = payload[1..];
        }

        if (Type == FrameType.Headers && Has(WithPriority))
        {
            Http2Exception.ThrowIf(payload.Length < 5, ErrorCode.FrameSizeError, "HEADERS shorter than their priority");
            payload = payload[5..];
        }

        Http2Exception.ThrowIf(padding > payload.Length, ErrorCode.ProtocolError, "padding longer than the frame");
        return payload[..^padding];
    }
}

/// <summary>The peer broke the protocol: the connection ends with this code, and whatever was whole on it is unknown.</summary>
sealed class Http2Exception(ErrorCode code, string message) : Exception(message)
{
    public ErrorCode Code => code;

    public static void ThrowIf(bool broken, ErrorCode code, string message)
    {
        if (broken)
        {
            throw new Http2Exception(code, message);
        }
    }
}
