using System.Buffers.Binary;

namespace Dispatch.Sandbox.Http2;

/// <summary>Takes a connection's octets apart into frames (RFC 9113, sections 4 and 6), checks their shape, and tells the session what they say.</summary>
sealed class Http2Reader(Http2Session session)
{
    const int HeaderBlockMax = 32 * 1024;

    readonly ByteBuffer headerBlock = new(512); // of a HEADERS frame that goes on in CONTINUATIONs
    FrameHead continued;
    bool prefaceSeen;

    static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <returns>How much of the input was used; the rest is the beginning of a frame.</returns>
    /// <exception cref="Http2Exception">The client broke the protocol.</exception>
    public int Process(ReadOnlySpan<byte> input)
    {
        var at = 0;
        if (!prefaceSeen)
        {
            if (input.Length < Preface.Length)
            {
                return 0;
            }

            prefaceSeen = input.StartsWith(Preface) ? true : throw Broken("no HTTP/2 preface");
            at = Preface.Length;
        }

        while (!session.Over && input.Length - at >= FrameHead.Size)
        {
            var head = FrameHead.Read(input[at..]);
            if (head.Length > FrameHead.PayloadMax)
            {
                throw WrongSize("frame above 16 KiB");
            }

            if (input.Length - at - FrameHead.Size < head.Length)
            {
                break;
            }

            Frame(head, input.Slice(at + FrameHead.Size, head.Length));
            at += FrameHead.Size + head.Length;
        }

        return session.Over ? input.Length : at;
    }

    void Frame(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (continued.StreamId != 0 && (head.Type != FrameType.Continuation || head.StreamId != continued.StreamId))
        {
            throw Broken("frame inside a header block");
        }

        switch (head.Type)
        {
            case FrameType.Data:
                session.Data(head.StreamId, Unpadded(head, payload), head.Length, head.Has(FrameFlags.EndStream));
                break;
            case FrameType.Headers:
                Headers(head, payload);
                break;
            case FrameType.Continuation:
                Continuation(head, payload);
                break;
            case FrameType.RstStream:
                Sized(head, 4);
                session.ResetByClient(head.StreamId);
                break;
            case FrameType.Settings:
                Settings(head, payload);
                break;
            case FrameType.Ping:
                Sized(head, 8);
                if (!head.Has(FrameHead.Ack))
                {
                    session.Ping(payload);
                }

                break;
            case FrameType.WindowUpdate:
                WindowUpdate(head, payload);
                break;
            case FrameType.GoAway:
                session.ClientLeaves();
                break;
            case FrameType.PushPromise:
                throw Broken("PUSH_PROMISE from a client");
            default: // PRIORITY, and types that came later
                break;
        }
    }

    void Headers(FrameHead head, ReadOnlySpan<byte> payload)
    {
        var block = Unpadded(head, payload);
        if (head.Has(FrameFlags.Priority))
        {
            block = block.Length >= 5 ? block[5..] : throw WrongSize("HEADERS too short for its priority");
        }

        if (head.Has(FrameFlags.EndHeaders))
        {
            session.Headers(head.StreamId, block, head.Has(FrameFlags.EndStream));
            return;
        }

        continued = head;
        headerBlock.Clear();
        headerBlock.Append(block);
    }

    void Continuation(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (continued.StreamId == 0)
        {
            throw Broken("CONTINUATION without HEADERS");
        }

        headerBlock.Append(payload);
        if (headerBlock.Length > HeaderBlockMax)
        {
            throw new Http2Exception(Http2Error.EnhanceYourCalm, "header block too large");
        }

        if (head.Has(FrameFlags.EndHeaders))
        {
            var ends = continued.Has(FrameFlags.EndStream);
            continued = default;
            session.Headers(head.StreamId, headerBlock.Written, ends);
        }
    }

    void Settings(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (head.StreamId != 0 || payload.Length % 6 != 0 || (head.Has(FrameHead.Ack) && payload.Length != 0))
        {
            throw WrongSize("SETTINGS of the wrong shape");
        }

        if (head.Has(FrameHead.Ack))
        {
            session.SettingsAcknowledged();
            return;
        }

        uint? initialWindow = null;
        for (var at = 0; at < payload.Length; at += 6)
        {
            if ((Setting)BinaryPrimitives.ReadUInt16BigEndian(payload[at..]) == Setting.InitialWindowSize)
            {
                initialWindow = BinaryPrimitives.ReadUInt32BigEndian(payload[(at + 2)..]);
            }
        }

        session.SettingsOfClient(initialWindow);
    }

    void WindowUpdate(FrameHead head, ReadOnlySpan<byte> payload)
    {
        Sized(head, 4);
        var octets = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        session.WindowUpdate(head.StreamId, octets > 0 ? octets : throw Broken("WINDOW_UPDATE of nothing"));
    }

    static ReadOnlySpan<byte> Unpadded(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (!head.Has(FrameFlags.Padded))
        {
            return payload;
        }

        return payload.Length > 0 && payload.Length > payload[0] ? payload[1..^payload[0]] : throw Broken("padding longer than its frame");
    }

    static void Sized(FrameHead head, int octets)
    {
        if (head.Length != octets)
        {
            throw WrongSize($"{head.Type} of the wrong size");
        }
    }

    static Http2Exception Broken(string what) => new(Http2Error.ProtocolError, what);

    static Http2Exception WrongSize(string what) => new(Http2Error.FrameSizeError, what);
}
