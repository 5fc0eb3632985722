namespace Dispatch.Push.Http2;

/// <summary>
/// The protocol without the wire: bytes in, bytes out, exchanges ended. Its owner holds a lock around every call; nothing here waits.
/// Promises: never more streams open than the peer's last SETTINGS allow, and what was allowed is obeyed before it is acknowledged; a permit is asked before a
/// request's first byte and again before its last; every exchange ends exactly once, and as Unknown only if its last byte was handed to the wire.
/// This half writes; <see cref="Read"/> and what it needs is in Http2Session.Read.cs. Source: RFC 9113.
/// </summary>
sealed partial class Http2Session(Http2Connection? via, int streamsCap)
{
    /// <summary>Room for the largest request, and for the reset that may have to follow it.</summary>
    public const int WriteBytesMin = (2 * (Frame.HeaderSize + Frame.PayloadMax)) + ResetSize;

    private const int ResetSize = Frame.HeaderSize + 4;
    private const int LastStreamId = int.MaxValue - 2;

    private readonly Dictionary<int, Http2Exchange> open = [];
    private readonly Queue<Http2Exchange> waiting = new();
    private readonly List<Http2Exchange> blocked = []; // headers are out, the peer's window is too small for the body
    private readonly List<Http2Exchange> overdue = [];
    private readonly Http2Control control = new();
    private int nextStreamId = 1;
    private long sendWindow = 65_535;

    /// <summary>The peer's limit, 0 until its first SETTINGS.</summary>
    public int StreamsMax { get; private set; }

    /// <summary>Begun or waiting to begin.</summary>
    public int Busy => open.Count + waiting.Count;

    /// <summary>Takes no new exchanges: the peer said GOAWAY, or we gave it up; what is open may still end well.</summary>
    public bool Draining { get; private set; }

    public bool Drained => Draining && open.Count == 0;

    public void Add(Http2Exchange exchange)
    {
        if (Draining)
        {
            exchange.End(new Http2Answer(Http2End.NothingLeft, Http2Answer.GoAway));
        }
        else
        {
            waiting.Enqueue(exchange);
        }
    }

    /// <summary>Fills the buffer with what may leave now, the urgent first: control frames, bodies that a window held up, new requests.</summary>
    /// <param name="to">At least <see cref="WriteBytesMin"/>.</param>
    /// <returns>How many bytes to send; 0: nothing.</returns>
    public int Write(Span<byte> to)
    {
        var at = control.Write(to);
        if (control.Pending)
        {
            return at;
        }

        for (var i = 0; i < blocked.Count && sendWindow > 0 && to.Length - at > ResetSize; i++)
        {
            at += WriteBody(blocked[i], to[at..]);
        }

        blocked.RemoveAll(exchange => exchange.Ended || exchange.Whole);
        while (!Draining && open.Count < StreamsMax && waiting.TryPeek(out var next))
        {
            if (next.Ended)
            {
                waiting.Dequeue();
                continue;
            }

            if (to.Length - at < next.Request.Header.Length + next.Request.BodyLength + (2 * Frame.HeaderSize) + ResetSize)
            {
                break;
            }

            at += Begin(waiting.Dequeue(), to[at..]);
        }

        return at;
    }

    /// <summary>No new streams here from now on; what waits to begin is told to go elsewhere.</summary>
    public void Drain()
    {
        Draining = true;
        while (waiting.TryDequeue(out var exchange))
        {
            exchange.End(new Http2Answer(Http2End.NothingLeft, Http2Answer.GoAway));
        }
    }

    /// <summary>Ends what is past its deadline.</summary>
    public void Sweep(long now)
    {
        foreach (var exchange in open.Values)
        {
            if (exchange.Deadline <= now)
            {
                overdue.Add(exchange);
            }
        }

        foreach (var exchange in overdue)
        {
            Reset(exchange);
            exchange.Fail("timeout");
        }

        overdue.Clear();
        while (waiting.TryPeek(out var first) && (first.Ended || first.Deadline <= now)) // deadlines are in the order of arrival
        {
            waiting.Dequeue().Fail("timeout");
        }
    }

    /// <summary>The connection is gone: every exchange ends, each by how far it had come.</summary>
    public void Fail(string reason)
    {
        Drain();
        foreach (var exchange in open.Values)
        {
            exchange.Fail(reason);
        }

        open.Clear();
    }

    /// <summary>What a client says first.</summary>
    public void Open() => control.Preface(ReceiveWindow);

    /// <summary>The last thing to say, after <see cref="Fail"/>.</summary>
    public int Close(ErrorCode why, Span<byte> to)
    {
        control.GoAway(why);
        return control.Write(to);
    }

    public void Ping()
    {
        PingAnswered = false;
        control.Ping();
    }

    private int Begin(Http2Exchange exchange, Span<byte> to)
    {
        if (!exchange.Permit.Holds)
        {
            exchange.End(new Http2Answer(Http2End.PermitLost, ""));
            return 0;
        }

        var header = exchange.Request.Header;
        exchange.StreamId = nextStreamId;
        exchange.SendWindow = initialSendWindow;
        new Frame(header.Length, FrameType.Headers, Frame.EndHeaders, nextStreamId).Write(to);
        header.CopyTo(to[Frame.HeaderSize..]);
        open.Add(nextStreamId, exchange);
        nextStreamId += 2;
        if (nextStreamId >= LastStreamId)
        {
            Drain();
        }

        var at = Frame.HeaderSize + header.Length;
        at += WriteBody(exchange, to[at..]);
        if (!exchange.Whole && !exchange.Ended)
        {
            blocked.Add(exchange);
        }

        return at;
    }

    private int WriteBody(Http2Exchange exchange, Span<byte> to)
    {
        if (exchange.Ended)
        {
            return 0;
        }

        var rest = exchange.Request.Body[exchange.Sent..];
        var now = (int)Math.Min(Math.Min(rest.Length, to.Length - ResetSize), Math.Min(exchange.SendWindow, sendWindow));
        var last = now == rest.Length;
        if (now < 0 || (now == 0 && !last))
        {
            return 0;
        }

        if (last && !exchange.Permit.Holds)
        {
            // The reset follows the headers in the same write, so that the peer never counts one stream too many.
            open.Remove(exchange.StreamId);
            exchange.End(new Http2Answer(Http2End.PermitLost, ""));
            return Http2Control.WriteReset(to, exchange.StreamId, ErrorCode.Cancel);
        }

        new Frame(now, FrameType.Data, last ? Frame.EndStream : (byte)0, exchange.StreamId).Write(to);
        rest[..now].CopyTo(to[Frame.HeaderSize..]);
        exchange.Sent += now;
        exchange.SendWindow -= now;
        sendWindow -= now;
        exchange.Whole = last;
        return Frame.HeaderSize + now;
    }

    private void Reset(Http2Exchange exchange)
    {
        open.Remove(exchange.StreamId);
        control.Reset(exchange.StreamId, ErrorCode.Cancel);
    }
}
