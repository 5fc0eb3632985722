namespace Dispatch.Sandbox.Http2;

/// <summary>
/// The streams of one connection, RFC 9113 as far as a server of small messages needs it: what <see cref="Http2Reader"/> reads comes in, frames go out, no I/O.
/// All calls under the connection's lock.
/// A broken rule is an <see cref="Http2Exception"/>, which ends the connection.
/// </summary>
sealed class Http2Session(Http2Connection connection, IHttp2Application application, Provider provider, Http2Output output, TimerWheel wheel)
{
    const int StreamWindow = 256 * 1024;
    const int ConnectionWindow = 16 * 1024 * 1024;
    const int PooledMax = 4096;

    readonly Dictionary<int, Http2Exchange> open = [];
    readonly Stack<Http2Exchange> pool = [];
    readonly HpackDecoder hpack = new();
    readonly StreamLimit limit = new();
    readonly Http2Answers answers = new(output);
    readonly HeaderStore unused = new();        // where fields go that nobody reads: trailers, refused streams
    int lastStreamId;
    int lastWholeId;
    int? goAwayAfter;
    int uncredited;
    bool begun;
    bool promoted;

    /// <summary>Nothing is read any more; the connection closes when the output is written.</summary>
    public bool Over { get; private set; }

    /// <summary>It was over because somebody asked for a cut.</summary>
    public bool WasCut { get; private set; }

    public void Begin()
    {
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
        if (Over || !begun) // still shaking hands: nothing was asked yet
        {
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

    /// <summary>A whole header block. It is decoded in any case, or the tables of both ends part ways.</summary>
    public void Headers(int streamId, ReadOnlySpan<byte> block, bool ends)
    {
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

    /// <param name="octets">Of the whole frame: padding counts for flow control.</param>
    public void Data(int streamId, ReadOnlySpan<byte> data, int octets, bool ends)
    {
        if (streamId == 0 || streamId > lastStreamId)
        {
            throw Broken("DATA on a stream that was never opened");
        }

        Credit(octets);
        if (!open.TryGetValue(streamId, out var exchange))
        {
            return; // refused or reset: was on its way
        }

        if (exchange.Decided)
        {
            throw new Http2Exception(Http2Error.StreamClosed, "DATA after END_STREAM");
        }

        exchange.Receive(data);
        if (ends)
        {
            Whole(exchange);
            return;
        }

        exchange.Uncredited += octets;
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
                Over = WasCut = true;
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

    public void ResetByClient(int streamId)
    {
        if (streamId == 0 || streamId > lastStreamId)
        {
            throw Broken("RST_STREAM of an idle stream");
        }

        if (open.TryGetValue(streamId, out var exchange))
        {
            Settle(exchange, answered: false);
            answers.Forget(exchange);
            Close(exchange);
        }
    }

    /// <summary>Our settings are in force at the client.</summary>
    public void SettingsAcknowledged() => limit.Acknowledge();

    /// <param name="initialWindow">Null: the client's SETTINGS did not name it.</param>
    public void SettingsOfClient(uint? initialWindow)
    {
        if (initialWindow is { } window)
        {
            answers.Resize(window, open.Values);
        }

        FrameWriter.SettingsAck(output.Frames);
        SendUnblocked();
    }

    public void Ping(ReadOnlySpan<byte> payload) => FrameWriter.Pong(output.Frames, payload);

    public void WindowUpdate(int streamId, int octets)
    {
        if (streamId == 0)
        {
            answers.Grant(octets);
        }
        else if (open.TryGetValue(streamId, out var exchange))
        {
            Http2Answers.Grant(exchange, octets);
        }

        SendUnblocked();
    }

    /// <summary>The client sent GOAWAY: answer what it has asked.</summary>
    public void ClientLeaves()
    {
        goAwayAfter ??= lastStreamId;
        Over |= open.Count == 0;
    }

    void SendUnblocked()
    {
        foreach (var exchange in answers.Unblock())
        {
            Answer(exchange);
        }
    }

    static Http2Exception Broken(string what) => new(Http2Error.ProtocolError, what);
}
