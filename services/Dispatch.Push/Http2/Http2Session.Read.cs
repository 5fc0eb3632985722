using System.Buffers;
using System.Buffers.Binary;

namespace Dispatch.Push.Http2;

sealed partial class Http2Session
{
    private const int HeaderBlockBytesMax = 32_768;
    private const long WindowMax = int.MaxValue;

    /// <summary>What the peer may have on its way to us, over all streams; given back when half of it is used.</summary>
    public const int ReceiveWindow = 1 << 24;

    private readonly HpackDecoder hpack = new();
    private readonly ArrayBufferWriter<byte> headerBlock = new();
    private long initialSendWindow = 65_535;
    private int received; // bytes of DATA since the connection's window was last given back
    private Frame headers; // whose block is still coming in CONTINUATION frames
    private bool settled;

    /// <summary>The peer answered our last <see cref="Ping"/>.</summary>
    public bool PingAnswered { get; set; }

    /// <summary>What a GOAWAY said of itself: APNs gives its reason there. Empty: there was none.</summary>
    public string GoAwaySaid { get; private set; } = "";

    /// <summary>Takes all whole frames.</summary>
    /// <returns>How many bytes they were; the rest is to be offered again, with more behind it.</returns>
    /// <exception cref="Http2Exception">The peer broke the protocol; end the connection.</exception>
    public int Read(ReadOnlySpan<byte> bytes)
    {
        var consumed = 0;
        while (bytes.Length - consumed >= Frame.HeaderSize)
        {
            var frame = Frame.Read(bytes[consumed..]);
            Http2Exception.ThrowIf(frame.Length > Frame.PayloadMax, ErrorCode.FrameSizeError, "frame larger than we allow");
            if (bytes.Length - consumed < Frame.HeaderSize + frame.Length)
            {
                break;
            }

            Take(frame, bytes.Slice(consumed + Frame.HeaderSize, frame.Length));
            consumed += Frame.HeaderSize + frame.Length;
        }

        return consumed;
    }

    private void Take(Frame frame, ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(!settled && (frame.Type != FrameType.Settings || frame.Has(Frame.Ack)), ErrorCode.ProtocolError, "first frame is not SETTINGS");
        Http2Exception.ThrowIf(headers.StreamId != 0 && frame.Type != FrameType.Continuation, ErrorCode.ProtocolError, "header block is interrupted");
        switch (frame.Type)
        {
            case FrameType.Data: OnData(frame, payload); break;
            case FrameType.Headers: OnHeaders(frame, frame.Unwrap(payload)); break;
            case FrameType.Continuation: OnContinuation(frame, payload); break;
            case FrameType.RstStream: OnReset(frame, payload); break;
            case FrameType.Settings: OnSettings(frame, payload); break;
            case FrameType.Ping: OnPing(frame, payload); break;
            case FrameType.GoAway: OnGoAway(payload); break;
            case FrameType.WindowUpdate: OnWindowUpdate(frame, payload); break;
            case FrameType.PushPromise: throw new Http2Exception(ErrorCode.ProtocolError, "push promise, which our settings forbid");
            case FrameType.Priority:
            default: break; // unknown types are to be ignored
        }
    }

    private void OnData(Frame frame, ReadOnlySpan<byte> payload)
    {
        received += frame.Length;
        if (received >= ReceiveWindow / 2)
        {
            control.WindowUpdate(0, received);
            received = 0;
        }

        if (!open.TryGetValue(frame.StreamId, out var exchange))
        {
            return; // of a stream that we have reset
        }

        var fits = exchange.Receive(frame.Unwrap(payload));
        if (frame.Has(Frame.EndStream))
        {
            Answered(exchange);
        }
        else if (!fits)
        {
            Reset(exchange);
            exchange.Answer(via); // its status is known, and no answer that matters is this long
        }
    }

    private void OnHeaders(Frame frame, ReadOnlySpan<byte> block)
    {
        Http2Exception.ThrowIf((frame.StreamId & 1) == 0 || frame.StreamId >= nextStreamId, ErrorCode.ProtocolError, "answer to nothing");
        if (frame.Has(Frame.EndHeaders))
        {
            OnHeaderBlock(frame, block);
            return;
        }

        headers = frame;
        headerBlock.Write(block);
    }

    private void OnContinuation(Frame frame, ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(headers.StreamId == 0 || frame.StreamId != headers.StreamId, ErrorCode.ProtocolError, "continuation of nothing");
        Http2Exception.ThrowIf(headerBlock.WrittenCount + payload.Length > HeaderBlockBytesMax, ErrorCode.EnhanceYourCalm, "header block has no end");
        headerBlock.Write(payload);
        if (frame.Has(Frame.EndHeaders))
        {
            OnHeaderBlock(headers, headerBlock.WrittenSpan);
            headerBlock.ResetWrittenCount();
            headers = default;
        }
    }

    private void OnHeaderBlock(Frame frame, ReadOnlySpan<byte> block)
    {
        if (!open.TryGetValue(frame.StreamId, out var exchange))
        {
            Http2Head unread = default;
            hpack.Decode(block, ref unread); // it may still change the table
            return;
        }

        hpack.Decode(block, ref exchange.Head);
        if (frame.Has(Frame.EndStream))
        {
            Answered(exchange);
        }
        else if (exchange.Head.Status is >= 100 and < 200)
        {
            exchange.Head = default; // informational: the answer is still to come
        }
    }

    private void Answered(Http2Exchange exchange)
    {
        if (exchange.Whole)
        {
            open.Remove(exchange.StreamId);
        }
        else
        {
            Reset(exchange); // answered before it had the body: it does not want the rest
        }

        if (exchange.Head.Status == 0)
        {
            exchange.Fail("answer without status");
        }
        else
        {
            exchange.Answer(via);
        }
    }

    private void OnReset(Frame frame, ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(payload.Length != 4, ErrorCode.FrameSizeError, "RST_STREAM has four bytes");
        if (!open.Remove(frame.StreamId, out var exchange))
        {
            return;
        }

        var code = (ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        if (code == ErrorCode.RefusedStream)
        {
            exchange.End(new Http2Answer(Http2End.NothingLeft, "refused_stream")); // "closed prior to any processing", section 8.7
        }
        else
        {
            exchange.Fail($"reset {code}");
        }
    }

    private void OnSettings(Frame frame, ReadOnlySpan<byte> payload)
    {
        if (frame.Has(Frame.Ack))
        {
            return;
        }

        Http2Exception.ThrowIf(payload.Length % 6 != 0, ErrorCode.FrameSizeError, "settings have six bytes each");
        if (!settled)
        {
            settled = true;
            StreamsMax = streamsCap; // unless they say less
        }

        for (; !payload.IsEmpty; payload = payload[6..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case Http2Control.MaxConcurrentStreams:
                    StreamsMax = (int)Math.Min(value, (uint)streamsCap);
                    break;
                case Http2Control.InitialWindowSize:
                    Http2Exception.ThrowIf(value > WindowMax, ErrorCode.FlowControlError, "initial window too large");
                    foreach (var exchange in open.Values)
                    {
                        exchange.SendWindow += value - initialSendWindow;
                    }

                    initialSendWindow = value;
                    break;
                default: // header table size: we add nothing to it; frame size: ours are the smallest there are
                    break;
            }
        }

        control.SettingsAck();
    }

    private void OnPing(Frame frame, ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(payload.Length != 8, ErrorCode.FrameSizeError, "PING has eight bytes");
        if (frame.Has(Frame.Ack))
        {
            PingAnswered = true;
        }
        else
        {
            control.PingAck(BinaryPrimitives.ReadInt64BigEndian(payload));
        }
    }

    private void OnGoAway(ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(payload.Length < 8, ErrorCode.FrameSizeError, "GOAWAY has eight bytes at least");
        var last = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        var code = (ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        GoAwaySaid = $"{code} {Printable(payload[8..])}".TrimEnd();
        Drain();
        foreach (var (id, exchange) in open)
        {
            if (id > last)
            {
                exchange.End(new Http2Answer(Http2End.NothingLeft, Http2Answer.GoAway));
                open.Remove(id);
            }
        }
    }

    private void OnWindowUpdate(Frame frame, ReadOnlySpan<byte> payload)
    {
        Http2Exception.ThrowIf(payload.Length != 4, ErrorCode.FrameSizeError, "WINDOW_UPDATE has four bytes");
        var more = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        Http2Exception.ThrowIf(more == 0, ErrorCode.ProtocolError, "window update of nothing");
        if (frame.StreamId == 0)
        {
            sendWindow += more;
            Http2Exception.ThrowIf(sendWindow > WindowMax, ErrorCode.FlowControlError, "connection window too large");
        }
        else if (open.TryGetValue(frame.StreamId, out var exchange))
        {
            exchange.SendWindow += more;
            Http2Exception.ThrowIf(exchange.SendWindow > WindowMax, ErrorCode.FlowControlError, "stream window too large");
        }
    }

    /// <summary>Printable ASCII only, and not much of it: it goes into a log.</summary>
    private static string Printable(ReadOnlySpan<byte> debug)
    {
        Span<char> text = stackalloc char[Math.Min(debug.Length, 128)];
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = debug[i] is >= 0x20 and < 0x7F ? (char)debug[i] : '.';
        }

        return new string(text);
    }
}
