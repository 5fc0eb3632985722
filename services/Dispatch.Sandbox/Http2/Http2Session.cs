using System.Buffers.Binary;

namespace Dispatch.Sandbox.Http2;

/// <summary>
/// The protocol of one connection, RFC 9113 as far as a server of small messages needs it: frames in, frames out, no I/O. All calls under the connection's lock.
/// A broken rule is an <see cref="Http2Exception"/>, which ends the connection.
/// </summary>
sealed class Http2Session(Http2Connection connection, IHttp2Application application, Provider provider, Http2Output output, TimerWheel wheel)
{
    const int StreamWindow = 256 * 1024;
    const int ConnectionWindow = 16 * 1024 * 1024;
    const int HeaderBlockMax = 32 * 1024;
    const int PooledMax = 4096;

    readonly Dictionary<int, Http2Exchange> open = [];
    readonly Stack<Http2Exchange> pool = [];
    readonly HpackDecoder hpack = new();
    readonly StreamLimit limit = new();
    readonly Http2Answers answers = new(output);
    readonly ByteBuffer headerBlock = new(512); // of a HEADERS frame that goes on in CONTINUATIONs
    readonly HeaderStore unused = new();        // where fields go that nobody reads: trailers, refused streams
    FrameHead continued;
    int headersAtEnd; // stream whose HEADERS said END_STREAM, while its CONTINUATIONs come
    int lastStreamId;
    int lastWholeId;
    int? goAwayAfter;
    int uncredited;
    bool begun;
    bool prefaceSeen;
    bool promoted;

    /// <summary>Nothing is read any more; the connection closes when the output is written.</summary>
    public bool Over { get; private set; }

    public int OpenStreams => open.Count;

    static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    public void Begin()
    {
        if (Over)
        {
            return;
        }

        begun = true;
        var streams = application.OneStreamAtStart ? 1 : provider.Settings.StreamLimit;
        FrameWriter.Settings(
            output.Frames,
            (Setting.MaxConcurrentStreams, streams),
            (Setting.InitialWindowSize, StreamWindow),
            (Setting.MaxHeaderListSize, HeaderStore.ListSizeMax));
        limit.Sent(streams);
        FrameWriter.WindowUpdate(output.Frames, 0, ConnectionWindow - 65_535);
    }

    /// <returns>How much of the input was used; the rest is the beginning of a frame.</returns>
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

        while (!Over && input.Length - at >= FrameHead.Size)
        {
            var head = FrameHead.Read(input[at..]);
            if (head.Length > FrameHead.PayloadMax)
            {
                throw new Http2Exception(Http2Error.FrameSizeError, "frame above 16 KiB");
            }

            if (input.Length - at - FrameHead.Size < head.Length)
            {
                break;
            }

            Take(head, input.Slice(at + FrameHead.Size, head.Length));
            at += FrameHead.Size + head.Length;
        }

        return Over ? input.Length : at;
    }

    /// <summary>The limit of the provider's settings, from now on: sent at once, in force when acknowledged.</summary>
    public void Limit(int streams)
    {
        if (begun && (promoted || !application.OneStreamAtStart))
        {
            FrameWriter.Settings(output.Frames, (Setting.MaxConcurrentStreams, streams));
            limit.Sent(streams);
        }
    }

    /// <summary>The client has proven who it is: it gets the whole limit, where it began with less.</summary>
    public void Promote()
    {
        if (!promoted)
        {
            promoted = true;
            Limit(provider.Settings.StreamLimit);
        }
    }

    /// <summary>
    /// No new streams. Those whose request is whole will be answered and are named by the last-stream-id; requests still on their way are dropped,
    /// and the client may send them again elsewhere. The connection closes after the last answer.
    /// </summary>
    public void GoAway(Http2Error code, ReadOnlySpan<byte> debug)
    {
        if (Over || !begun)
        {
            Over = true; // still shaking hands: there is nobody to tell
            return;
        }

        goAwayAfter = lastWholeId;
        FrameWriter.GoAway(output.Frames, lastWholeId, code, debug);
        provider.Counters.GoAway();
        foreach (var exchange in open.Values.Where(exchange => exchange.StreamId > goAwayAfter).ToArray())
        {
            Close(exchange);
        }

        Over |= open.Count == 0 || code != Http2Error.NoError;
    }

    /// <summary>The time of a delayed answer has come.</summary>
    public void Due(int streamId)
    {
        if (!Over && open.TryGetValue(streamId, out var exchange) && exchange.Decided)
        {
            Answer(exchange);
        }
    }

    /// <summary>The connection is gone: what was whole and not yet answered never will be.</summary>
    public void End()
    {
        Over = true;
        foreach (var exchange in open.Values)
        {
            Settle(exchange, answered: false);
        }

        open.Clear();
    }

    void Take(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (continued.StreamId != 0 && (head.Type != FrameType.Continuation || head.StreamId != continued.StreamId))
        {
            throw Broken("frame inside a header block");
        }

        switch (head.Type)
        {
            case FrameType.Data:
                Data(head, payload);
                break;
            case FrameType.Headers:
                HeadersFrame(head, payload);
                break;
            case FrameType.Continuation:
                Continuation(head, payload);
                break;
            case FrameType.RstStream:
                ResetByClient(head, payload);
                break;
            case FrameType.Settings:
                SettingsFrame(head, payload);
                break;
            case FrameType.Ping:
                Ping(head, payload);
                break;
            case FrameType.WindowUpdate:
                WindowUpdate(head, payload);
                break;
            case FrameType.GoAway:
                goAwayAfter ??= lastStreamId; // the client leaves: answer what it has asked
                Over |= open.Count == 0;
                break;
            case FrameType.PushPromise:
                throw Broken("PUSH_PROMISE from a client");
            default: // PRIORITY, and types that came later
                break;
        }
    }

    void HeadersFrame(FrameHead head, ReadOnlySpan<byte> payload)
    {
        var block = Unpadded(head, payload);
        if (head.Has(FrameFlags.Priority))
        {
            block = block.Length >= 5 ? block[5..] : throw Broken("HEADERS too short for its priority");
        }

        headersAtEnd = head.Has(FrameFlags.EndStream) ? head.StreamId : 0;
        if (head.Has(FrameFlags.EndHeaders))
        {
            HeaderBlock(head.StreamId, block);
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
            continued = default;
            HeaderBlock(head.StreamId, headerBlock.Written);
        }
    }

    void HeaderBlock(int streamId, ReadOnlySpan<byte> block)
    {
        var ends = headersAtEnd == streamId;
        if (open.TryGetValue(streamId, out var exchange))
        {
            unused.Clear();
            hpack.Decode(block, unused); // trailers
            if (!ends || exchange.Decided)
            {
                throw Broken("second header block inside a stream");
            }

            Whole(exchange);
            return;
        }

        if ((streamId & 1) == 0 || streamId <= lastStreamId)
        {
            throw Broken("stream id even or used before");
        }

        lastStreamId = streamId;
        exchange = Opened(streamId);
        hpack.Decode(block, exchange?.Headers ?? unused);
        if (exchange is not null && ends)
        {
            Whole(exchange);
        }
    }

    /// <returns>Null: not let in, but its headers must be decoded all the same.</returns>
    Http2Exchange? Opened(int streamId)
    {
        unused.Clear();
        if (streamId > goAwayAfter)
        {
            return null;
        }

        if (open.Count >= limit.Allowed)
        {
            provider.Counters.Violation();
            FrameWriter.Reset(output.Frames, streamId, Http2Error.RefusedStream);
            return null;
        }

        var exchange = pool.Count > 0 ? pool.Pop() : new Http2Exchange();
        exchange.Open(streamId, answers.InitialWindow);
        open.Add(streamId, exchange);
        provider.Counters.Streams(open.Count);
        return exchange;
    }

    void Data(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (head.StreamId == 0 || head.StreamId > lastStreamId)
        {
            throw Broken("DATA on a stream that was never opened");
        }

        Credit(head.Length);
        var data = Unpadded(head, payload);
        if (!open.TryGetValue(head.StreamId, out var exchange))
        {
            return; // refused or reset: was on its way
        }

        if (exchange.Decided)
        {
            throw new Http2Exception(Http2Error.StreamClosed, "DATA after END_STREAM");
        }

        exchange.Receive(data);
        if (head.Has(FrameFlags.EndStream))
        {
            Whole(exchange);
            return;
        }

        exchange.Uncredited += head.Length;
        if (exchange.Uncredited >= StreamWindow / 2)
        {
            FrameWriter.WindowUpdate(output.Frames, exchange.StreamId, exchange.Uncredited);
            exchange.Uncredited = 0;
        }
    }

    /// <summary>Everything that was read is used at once, so the client gets its window back as it goes.</summary>
    void Credit(int octets)
    {
        uncredited += octets;
        if (uncredited >= ConnectionWindow / 16)
        {
            FrameWriter.WindowUpdate(output.Frames, 0, uncredited);
            uncredited = 0;
        }
    }

    void Whole(Http2Exchange exchange)
    {
        lastWholeId = Math.Max(lastWholeId, exchange.StreamId);
        application.Decide(exchange, connection);
        exchange.Decided = true;
        switch (exchange.Fate)
        {
            case Fate.Silence:
                Settle(exchange, answered: false); // the stream stays open until the client gives up
                break;
            case Fate.Cut:
                Settle(exchange, answered: false);
                Over = true;
                break;
            default:
                if (exchange.DelayMs > 0)
                {
                    wheel.Schedule(connection, exchange.StreamId, exchange.DelayMs);
                }
                else
                {
                    Answer(exchange);
                }

                break;
        }
    }

    void Answer(Http2Exchange exchange)
    {
        Settle(exchange, answered: true);
        if (answers.Send(exchange))
        {
            Close(exchange);
        }
    }

    void Settle(Http2Exchange exchange, bool answered)
    {
        if (exchange.Decided && !exchange.Settled)
        {
            exchange.Settled = true;
            application.Settle(exchange, answered);
        }
    }

    void Close(Http2Exchange exchange)
    {
        open.Remove(exchange.StreamId);
        if (pool.Count < PooledMax && exchange.BodyBytes <= Http2Exchange.BodyKeptMax / 4)
        {
            pool.Push(exchange);
        }

        Over |= goAwayAfter is not null && open.Count == 0;
    }

    void ResetByClient(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 4 || head.StreamId == 0 || head.StreamId > lastStreamId)
        {
            throw Broken("RST_STREAM of the wrong size or of an idle stream");
        }

        if (open.TryGetValue(head.StreamId, out var exchange))
        {
            Settle(exchange, answered: false);
            answers.Forget(exchange);
            Close(exchange);
        }
    }

    void SettingsFrame(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (head.StreamId != 0 || payload.Length % 6 != 0 || (head.Has(FrameHead.Ack) && payload.Length != 0))
        {
            throw new Http2Exception(Http2Error.FrameSizeError, "SETTINGS of the wrong shape");
        }

        if (head.Has(FrameHead.Ack))
        {
            limit.Acknowledge();
            return;
        }

        for (var at = 0; at < payload.Length; at += 6)
        {
            if ((Setting)BinaryPrimitives.ReadUInt16BigEndian(payload[at..]) == Setting.InitialWindowSize)
            {
                answers.Resize(BinaryPrimitives.ReadUInt32BigEndian(payload[(at + 2)..]), open.Values);
            }
        }

        FrameWriter.SettingsAck(output.Frames);
        SendUnblocked();
    }

    void Ping(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != 8)
        {
            throw new Http2Exception(Http2Error.FrameSizeError, "PING of the wrong size");
        }

        if (!head.Has(FrameHead.Ack))
        {
            FrameWriter.Pong(output.Frames, payload);
        }
    }

    void WindowUpdate(FrameHead head, ReadOnlySpan<byte> payload)
    {
        var octets = payload.Length == 4 ? BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue : 0;
        if (octets == 0)
        {
            throw Broken("WINDOW_UPDATE of the wrong size or of nothing");
        }

        if (head.StreamId == 0)
        {
            answers.Grant(octets);
        }
        else if (open.TryGetValue(head.StreamId, out var exchange))
        {
            Http2Answers.Grant(exchange, octets);
        }

        SendUnblocked();
    }

    void SendUnblocked()
    {
        foreach (var exchange in answers.Unblock())
        {
            Answer(exchange);
        }
    }

    static ReadOnlySpan<byte> Unpadded(FrameHead head, ReadOnlySpan<byte> payload)
    {
        if (!head.Has(FrameFlags.Padded))
        {
            return payload;
        }

        return payload.Length > payload[0] ? payload[1..^payload[0]] : throw Broken("padding longer than its frame");
    }

    static Http2Exception Broken(string what) => new(Http2Error.ProtocolError, what);
}
