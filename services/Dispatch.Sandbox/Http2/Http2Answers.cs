namespace Dispatch.Sandbox.Http2;

/// <summary>Sends answers within the windows that the client grants (RFC 9113, section 5.2); what does not fit waits for a WINDOW_UPDATE.</summary>
sealed class Http2Answers(Http2Output output)
{
    const long WindowMax = int.MaxValue;

    readonly List<Http2Exchange> blocked = [];
    long window = 65_535;

    /// <summary>What a new stream starts with: the client's SETTINGS_INITIAL_WINDOW_SIZE.</summary>
    public int InitialWindow { get; private set; } = 65_535;

    /// <returns>True: all of it is in the output, the stream is closed on this side.</returns>
    public bool Send(Http2Exchange exchange)
    {
        var frames = output.Frames;
        if (!exchange.HeadSent)
        {
            exchange.HeadSent = true;
            var flags = exchange.Answer.IsEmpty ? FrameFlags.EndHeaders | FrameFlags.EndStream : FrameFlags.EndHeaders;
            FrameWriter.Head(frames, exchange.Head.Length, FrameType.Headers, flags, exchange.StreamId);
            frames.Append(exchange.Head.Written);
        }

        while (exchange.AnswerSent < exchange.Answer.Length)
        {
            var left = exchange.Answer.Length - exchange.AnswerSent;
            var now = (int)Math.Min(Math.Min(left, FrameHead.PayloadMax), Math.Min(window, exchange.SendWindow));
            if (now <= 0)
            {
                if (!blocked.Contains(exchange))
                {
                    blocked.Add(exchange);
                }

                return false;
            }

            FrameWriter.Head(frames, now, FrameType.Data, now == left ? FrameFlags.EndStream : FrameFlags.None, exchange.StreamId);
            frames.Append(exchange.Answer.Span.Slice(exchange.AnswerSent, now));
            exchange.AnswerSent += now;
            exchange.SendWindow -= now;
            window -= now;
        }

        return true;
    }

    public void Grant(int octets) => window = Widened(window, octets);

    public static void Grant(Http2Exchange exchange, int octets) => exchange.SendWindow = Widened(exchange.SendWindow, octets);

    /// <summary>The client changed the window of all its streams, open ones too.</summary>
    public void Resize(uint initialWindow, IEnumerable<Http2Exchange> open)
    {
        if (initialWindow > WindowMax)
        {
            throw new Http2Exception(Http2Error.FlowControlError, "initial window above 2^31-1");
        }

        foreach (var exchange in open)
        {
            exchange.SendWindow = Widened(exchange.SendWindow, (int)initialWindow - InitialWindow);
        }

        InitialWindow = (int)initialWindow;
    }

    public void Forget(Http2Exchange exchange) => blocked.Remove(exchange);

    /// <summary>After a grant: those that may be whole now, in the order in which they began to wait.</summary>
    public Http2Exchange[] Unblock()
    {
        if (blocked.Count == 0)
        {
            return [];
        }

        var again = blocked.ToArray();
        blocked.Clear();
        return again;
    }

    static long Widened(long window, int octets) =>
        window + octets <= WindowMax ? window + octets : throw new Http2Exception(Http2Error.FlowControlError, "window above 2^31-1");
}
