using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Tests.Http2;

[SuppressMessage("Reliability", "CA2000", Justification = "Exchanges own their requests; here nobody rents for long.")]
public class Http2SessionTests
{
    private readonly Http2Session session = new(null, 1_000);
    private readonly Peer peer;

    public Http2SessionTests()
    {
        peer = new Peer(session);
        session.Open();
    }

    [Fact]
    public void Says_hello_and_opens_nothing_before_the_peers_settings()
    {
        Add();
        var hello = peer.Take();
        hello.Select(it => it.Frame.Type).ShouldBe([FrameType.Settings, FrameType.WindowUpdate]);
        hello[0].Payload.ShouldBe([0, 2, 0, 0, 0, 0]); // no pushes
        session.StreamsMax.ShouldBe(0);
        peer.Streams(1);
        peer.Take().Select(it => it.Frame.Type).ShouldBe([FrameType.Settings, FrameType.Headers, FrameType.Data]);
    }

    [Fact]
    public async Task An_answer_ends_the_exchange_with_its_status_and_body()
    {
        var exchange = Ready();
        peer.Send(FrameType.Headers, Frame.EndHeaders, 1, [0x48, 3, (byte)'4', (byte)'2', (byte)'9', .. Literal("retry-after", "7")]);
        peer.Send(FrameType.Data, 0, 1, "{\"reason\":"u8);
        peer.Send(FrameType.Data, Frame.EndStream, 1, "\"x\"}"u8);
        var answer = await exchange.Task;
        (answer.End, answer.Status, answer.RetryAfter).ShouldBe((Http2End.Answered, 429, "7"));
        Encoding.UTF8.GetString(answer.Body.Span).ShouldBe("{\"reason\":\"x\"}");
        session.Busy.ShouldBe(0);
    }

    [Fact]
    public async Task An_answer_in_pieces_is_the_same_answer()
    {
        var exchange = Ready();
        byte[] bytes =
        [
            .. Peer.Frame(FrameType.Headers, 0, 1, 0x88),
            .. Peer.Frame(FrameType.Continuation, Frame.EndHeaders, 1, Literal("apns-id", "x")),
            .. Peer.Frame(FrameType.Data, Frame.EndStream | Frame.Padded, 1, 2, (byte)'o', (byte)'k', 0, 0),
        ];
        var kept = 0;
        for (var end = 1; end <= bytes.Length; end++)
        {
            kept += session.Read(bytes.AsSpan(kept, end - kept));
        }

        Encoding.UTF8.GetString((await exchange.Task).Body.Span).ShouldBe("ok");
    }

    [Fact]
    public void Never_opens_more_streams_than_the_peer_allows_as_it_changes_its_mind()
    {
        peer.Streams(2);
        for (var i = 0; i < 10; i++)
        {
            Add();
        }

        Opened(peer.Take()).ShouldBe([1, 3]);
        peer.Streams(4);
        Opened(peer.Take()).ShouldBe([5, 7]);
        peer.Streams(1);
        peer.Ok(1);
        peer.Ok(3);
        peer.Ok(5);
        Opened(peer.Take()).ShouldBeEmpty(); // 7 is still open, and one is all there may be
        peer.Ok(7);
        Opened(peer.Take()).ShouldBe([9]);
        session.StreamsMax.ShouldBe(1);
    }

    [Fact]
    public void A_lower_limit_is_obeyed_before_it_is_acknowledged()
    {
        peer.Streams(10);
        Add();
        peer.Take();
        Add();
        peer.Streams(1);
        var frames = peer.Take();
        frames.Single().Frame.ShouldBe(new Frame(0, FrameType.Settings, Frame.Ack, 0));
    }

    [Fact]
    public async Task Goaway_gives_back_what_the_peer_will_not_answer_and_keeps_what_it_will()
    {
        peer.Streams(3);
        var exchanges = Enumerable.Range(0, 4).Select(_ => Add()).ToList();
        peer.Take();
        peer.GoAway(last: 1);
        foreach (var refused in exchanges.Skip(1))
        {
            var answer = await refused.Task;
            (answer.End, answer.Reason).ShouldBe((Http2End.NothingLeft, Http2Answer.GoAway));
            answer.Unanswered().ShouldSatisfyAllConditions(it => it.NothingLeft.ShouldBeTrue(), it => it.AgainAtOnce.ShouldBeTrue());
        }

        exchanges[0].Ended.ShouldBeFalse();
        session.Drained.ShouldBeFalse();
        peer.Ok(1);
        (await exchanges[0].Task).Status.ShouldBe(200);
        session.Drained.ShouldBeTrue();
        (await Add().Task).Reason.ShouldBe(Http2Answer.GoAway); // and nothing new is taken
    }

    [Fact]
    public async Task A_lost_connection_leaves_unknown_only_what_was_whole()
    {
        peer.Streams(2);
        peer.Settings((Http2Control.InitialWindowSize, 5)); // a body of ten bytes does not fit
        var half = Add();
        peer.Take();
        peer.Settings((Http2Control.InitialWindowSize, 100));
        peer.Streams(1);
        var waiting = Add();
        half.Sent.ShouldBe(5);
        session.Fail("connection_lost");
        (await half.Task).End.ShouldBe(Http2End.NothingLeft);
        (await waiting.Task).End.ShouldBe(Http2End.NothingLeft);
    }

    [Fact]
    public async Task A_lost_connection_leaves_a_whole_request_unknown()
    {
        var exchange = Ready();
        session.Fail("connection_lost");
        var answer = await exchange.Task;
        answer.End.ShouldBe(Http2End.Unknown);
        answer.Unanswered().ShouldSatisfyAllConditions(it => it.Verdict.ShouldBe(Verdict.Unknown), it => it.NothingLeft.ShouldBeFalse());
    }

    [Theory]
    [InlineData(ErrorCode.RefusedStream, Http2End.NothingLeft)]
    [InlineData(ErrorCode.InternalError, Http2End.Unknown)]
    [InlineData(ErrorCode.Cancel, Http2End.Unknown)]
    internal async Task A_reset_is_nothing_left_only_where_the_peer_says_so(ErrorCode code, Http2End end)
    {
        var exchange = Ready();
        peer.Reset(1, code);
        (await exchange.Task).End.ShouldBe(end);
    }

    [Fact]
    public async Task Silence_ends_at_the_deadline_and_frees_the_stream()
    {
        peer.Streams(1);
        var exchange = Add(deadline: 100);
        var late = Add(deadline: 100);
        peer.Take();
        session.Sweep(99);
        exchange.Ended.ShouldBeFalse();
        session.Sweep(100);
        var answer = await exchange.Task;
        (answer.End, answer.Reason).ShouldBe((Http2End.Unknown, "timeout"));
        (await late.Task).End.ShouldBe(Http2End.NothingLeft);
        peer.Take().Single().Frame.ShouldBe(new Frame(4, FrameType.RstStream, 0, 1));
    }

    [Fact]
    public async Task Without_permit_not_a_byte_leaves()
    {
        peer.Streams(1);
        var exchange = Add(permit: new Permit(() => false));
        Opened(peer.Take()).ShouldBeEmpty();
        (await exchange.Task).Unanswered().Reason.ShouldBe(Permit.Lost);
    }

    [Fact]
    public async Task A_permit_lost_between_headers_and_body_resets_the_stream_in_the_same_write()
    {
        peer.Streams(1);
        peer.Take();
        var looks = 0;
        var exchange = Add(permit: new Permit(() => ++looks == 1));
        var next = Add();
        var frames = peer.Take();
        frames.Select(it => (it.Frame.Type, it.Frame.StreamId)).ShouldBe(
            [(FrameType.Headers, 1), (FrameType.RstStream, 1), (FrameType.Headers, 3), (FrameType.Data, 3)]); // so never two at once
        (await exchange.Task).End.ShouldBe(Http2End.PermitLost);
        next.Whole.ShouldBeTrue();
    }

    [Fact]
    public async Task A_permit_lost_while_the_window_held_the_body_up_is_seen_before_the_last_byte()
    {
        var holds = true;
        peer.Streams(1);
        peer.Settings((Http2Control.InitialWindowSize, 4));
        var exchange = Add(permit: new Permit(() => holds));
        peer.Take();
        holds = false;
        peer.Window(1, 100);
        peer.Take().Single().Frame.Type.ShouldBe(FrameType.RstStream);
        (await exchange.Task).End.ShouldBe(Http2End.PermitLost);
    }

    [Fact]
    public void A_body_goes_as_the_windows_allow_and_whole_only_at_its_end()
    {
        peer.Streams(1);
        peer.Settings((Http2Control.InitialWindowSize, 4));
        var exchange = Add();
        Data(peer.Take()).ShouldBe([(4, false)]);
        peer.Window(1, 4);
        Data(peer.Take()).ShouldBe([(4, false)]);
        exchange.Whole.ShouldBeFalse();
        peer.Settings((Http2Control.InitialWindowSize, 2)); // takes two back
        peer.Take();
        peer.Window(1, 100);
        Data(peer.Take()).ShouldBe([(2, true)]);
        exchange.Whole.ShouldBeTrue();
    }

    [Fact]
    public async Task An_answer_before_the_body_ends_the_exchange_and_the_stream()
    {
        peer.Streams(1);
        peer.Settings((Http2Control.InitialWindowSize, 0));
        var exchange = Add();
        peer.Take();
        peer.Ok(1);
        (await exchange.Task).End.ShouldBe(Http2End.Answered);
        peer.Take().Single().Frame.Type.ShouldBe(FrameType.RstStream);
    }

    [Fact]
    public async Task An_endless_answer_is_cut()
    {
        var exchange = Ready();
        peer.Send(FrameType.Headers, Frame.EndHeaders, 1, 0x88);
        peer.Send(FrameType.Data, 0, 1, new byte[16_384]);
        peer.Send(FrameType.Data, 0, 1, new byte[16_384]);
        (await exchange.Task).Body.Length.ShouldBe(Http2Exchange.BodyBytesMax);
    }

    [Fact]
    public void The_receive_window_is_given_back_before_it_is_used_up()
    {
        Ready();
        peer.Send(FrameType.Headers, Frame.EndHeaders, 1, 0x88);
        peer.Take();
        for (var sent = 0; sent < Http2Session.ReceiveWindow / 2; sent += 16_384)
        {
            peer.Send(FrameType.Data, 0, 1, new byte[16_384]);
        }

        peer.Take().Where(it => it.Frame.Type == FrameType.WindowUpdate).Single().Payload.ShouldBe(Peer.Number(Http2Session.ReceiveWindow / 2));
    }

    [Fact]
    public void A_ping_is_answered_with_its_own_bytes()
    {
        Ready();
        peer.Send(FrameType.Ping, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
        var (frame, payload) = peer.Take().Single();
        frame.ShouldBe(new Frame(8, FrameType.Ping, Frame.Ack, 0));
        payload.ShouldBe([1, 2, 3, 4, 5, 6, 7, 8]);
    }

    [Fact]
    public void A_peer_that_asks_and_does_not_read_is_left_but_our_own_resets_and_pings_have_room()
    {
        peer.Streams(1_000);
        for (var i = 0; i < 1_000; i++)
        {
            Add(deadline: 1);
        }

        peer.Take();
        session.Sweep(1);
        session.Ping();
        peer.Take().Count.ShouldBe(1_001);
        Should.Throw<Http2Exception>(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                peer.Send(FrameType.Ping, 0, 0, new byte[8]);
            }
        }).Code.ShouldBe(ErrorCode.EnhanceYourCalm);
    }

    public static TheoryData<string, byte[]> Broken => new()
    {
        { "data before settings", Peer.Frame(FrameType.Data, 0, 1) },
        { "settings of five bytes", Peer.Frame(FrameType.Settings, 0, 0, 1, 2, 3, 4, 5) },
        { "a frame of 16 MB", [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1] },
        { "push promise", [.. Hello, .. Peer.Frame(FrameType.PushPromise, 0, 1)] },
        { "headers for a stream that is not", [.. Hello, .. Peer.Frame(FrameType.Headers, Frame.EndHeaders, 77, 0x88)] },
        { "continuation of nothing", [.. Hello, .. Peer.Frame(FrameType.Continuation, Frame.EndHeaders, 1)] },
        { "an empty window update", [.. Hello, .. Peer.Frame(FrameType.WindowUpdate, 0, 0, 0, 0, 0, 0)] },
        { "a window that overflows", [.. Hello, .. Peer.Frame(FrameType.WindowUpdate, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF)] },
        { "a short ping", [.. Hello, .. Peer.Frame(FrameType.Ping, 0, 0, 1)] },
        { "a short goaway", [.. Hello, .. Peer.Frame(FrameType.GoAway, 0, 0, 1)] },
        { "a reset of three bytes", [.. Hello, .. Peer.Frame(FrameType.RstStream, 0, 1, 1, 2, 3)] },
    };

    private static byte[] Hello => Peer.Frame(FrameType.Settings, 0, 0);

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_peer_that_breaks_the_protocol_is_found_out(string what, byte[] bytes) =>
        Should.Throw<Http2Exception>(() => session.Read(bytes), what);

    [Fact]
    public void Random_bytes_end_as_a_fault_and_never_otherwise()
    {
        var random = new Random(9113);
        for (var i = 0; i < 20_000; i++)
        {
            var fuzzed = new Http2Session(null, 10);
            fuzzed.Add(Exchange());
            fuzzed.Read(Hello);
            fuzzed.Write(new byte[65_536]);
            var frame = new byte[Frame.HeaderSize + random.Next(0, 30)];
            random.NextBytes(frame);
            new Frame(frame.Length - Frame.HeaderSize, (FrameType)random.Next(0, 11), (byte)random.Next(256), random.Next(0, 4)).Write(frame);
            try
            {
                fuzzed.Read(frame);
            }
            catch (Http2Exception)
            {
                // the only way out that is allowed
            }

            fuzzed.Fail("end");
            fuzzed.Busy.ShouldBe(0);
        }
    }

    private static byte[] Literal(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static IEnumerable<int> Opened(IEnumerable<(Frame Frame, byte[] Payload)> frames) =>
        frames.Where(it => it.Frame.Type == FrameType.Headers).Select(it => it.Frame.StreamId);

    private static IEnumerable<(int, bool)> Data(IEnumerable<(Frame Frame, byte[] Payload)> frames) =>
        frames.Where(it => it.Frame.Type == FrameType.Data).Select(it => (it.Frame.Length, it.Frame.Has(Frame.EndStream)));

    private static Http2Exchange Exchange(Permit? permit = null, long deadline = long.MaxValue)
    {
        var request = new Http2Request();
        request.Write("head"u8);
        request.BeginBody();
        request.Write("0123456789"u8);
        return new Http2Exchange(request, permit ?? Messages.Always, deadline);
    }

    private Http2Exchange Add(Permit? permit = null, long deadline = long.MaxValue)
    {
        var exchange = Exchange(permit, deadline);
        session.Add(exchange);
        return exchange;
    }

    /// <summary>One request, whole on the wire.</summary>
    private Http2Exchange Ready()
    {
        peer.Streams(10);
        var exchange = Add();
        peer.Take();
        exchange.Whole.ShouldBeTrue();
        return exchange;
    }
}
