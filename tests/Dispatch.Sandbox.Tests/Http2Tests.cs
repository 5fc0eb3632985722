using Dispatch.Sandbox.Http2;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

public sealed class Http2Tests : IAsyncLifetime, IDisposable
{
    private readonly SandboxFixture at = new();

    public Task InitializeAsync() => at.InitializeAsync();

    public Task DisposeAsync() => at.DisposeAsync();

    public void Dispose() => at.Dispose();

    private Counters Apns => at.Sandbox.Counters("apns");

    [Fact]
    public async Task One_stream_until_the_first_good_token_then_the_whole_limit()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        client.StreamLimit.ShouldBe(1);
        (await client.AskAsync("abc", "bad")).Status.ShouldBe(403);
        client.StreamLimit.ShouldBe(1);
        (await client.AskAsync("abc", at.ApnsToken())).Status.ShouldBe(200);
        client.StreamLimit.ShouldBe(1000);
    }

    [Fact]
    public async Task Streams_above_the_limit_are_refused_and_counted()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.SendAsync("silent-x", "bad", whole: false);
        var second = await client.SendAsync("abc", at.ApnsToken());
        var (head, payload) = await client.NextAsync(FrameType.RstStream);
        head.StreamId.ShouldBe(second);
        payload.ShouldBe([0, 0, 0, (byte)Http2Error.RefusedStream]);
        Apns.Violations.ShouldBe(1);
        at.Sandbox.Receipts("apns").ShouldBeEmpty();
    }

    [Fact]
    public async Task Before_its_acknowledgement_a_limit_does_not_hold()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox, acknowledge: false);
        await client.SendAsync("slow-1000ms-a", at.Bearer);
        await client.SendAsync("slow-1000ms-b", at.Bearer);
        await client.SendAsync("slow-1000ms-c", at.Bearer);
        for (var i = 0; i < 3; i++)
        {
            (await client.AnswerAsync()).Status.ShouldBe(200);
        }

        Apns.Violations.ShouldBe(0);
        Apns.MaxStreams.ShouldBe(3);
    }

    [Fact]
    public async Task A_limit_that_is_lowered_live_holds_from_its_acknowledgement()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.AskAsync("abc", at.Bearer);
        await client.AcknowledgeAsync();
        await at.AdminAsync("/settings", new { provider = "apns", stream_limit = 2 });
        await client.NextAsync(FrameType.Settings);
        client.StreamLimit.ShouldBe(2);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("silent-before", at.Bearer); // not acknowledged yet: the old limit holds
        }

        await Eventually.HoldsAsync(() => Apns.Unanswered == 3);
        await client.AcknowledgeAsync();
        var refused = await client.SendAsync("silent-after", at.Bearer);
        (await client.NextAsync(FrameType.RstStream)).Head.StreamId.ShouldBe(refused);
        Apns.Violations.ShouldBe(1);
    }

    [Fact]
    public async Task HttpClient_obeys_a_limit_that_is_lowered_under_load()
    {
        (await at.PushAsync(at.Push("warm", at.Bearer))).Status.ShouldBe(200);
        at.Sandbox.Change("apns", settings => settings with { LatencyMs = 20 });
        var load = Enumerable.Range(0, 400).Select(async i =>
        {
            if (i == 200)
            {
                at.Sandbox.Change("apns", settings => settings with { StreamLimit = 10 });
            }

            return (await at.PushAsync(at.Push($"t{i}", at.Bearer))).Status;
        }).ToList();
        (await Task.WhenAll(load)).ShouldAllBe(status => status == 200);
        at.Sandbox.Receipts("apns").Count(line => line.Accepted).ShouldBe(401);
    }

    [Fact]
    public async Task GOAWAY_answers_what_is_whole_and_drops_what_is_not()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.AskAsync("abc", at.Bearer);
        await client.AcknowledgeAsync();
        await at.AdminAsync("/state"); // the first call is slow, and the answer must not be earlier than the command
        var whole = await client.SendAsync("slow-2000ms-whole", at.Bearer);
        await client.SendAsync("half", at.Bearer, whole: false);
        await Eventually.HoldsAsync(() => Apns.MaxStreams == 2);
        await at.AdminAsync("/goaway", new { provider = "apns" });

        var (_, payload) = await client.NextAsync(FrameType.GoAway);
        payload[..8].ShouldBe([0, 0, 0, (byte)whole, 0, 0, 0, 0]);
        (await client.AnswerAsync()).Status.ShouldBe(200);
        (await client.IsClosedAsync()).ShouldBeTrue();
        at.Sandbox.Receipts("apns").Select(line => line.Recipient).ShouldBe(["abc", "slow-2000ms-whole"]);
    }

    /// <summary>HttpClient gives up on some requests; what it is told must be true all the same: given up is not taken.</summary>
    [Fact]
    public async Task GOAWAY_under_load_neither_takes_what_it_disowns_nor_takes_anything_twice()
    {
        (await at.PushAsync(at.Push("warm"))).Status.ShouldBe(200);
        at.Sandbox.Change("apns", settings => settings with { LatencyMs = 30 });
        var load = Enumerable.Range(0, 300).Select(async i =>
        {
            if (i % 100 == 50)
            {
                at.Sandbox.GoAway("apns");
            }

            try
            {
                return (Token: $"t{i}", (await at.PushAsync(at.Push($"t{i}"))).Status);
            }
            catch (HttpRequestException)
            {
                return (Token: $"t{i}", Status: 0); // above the last stream id, or on a connection that was told to go before it had begun
            }
        }).ToList();
        var answered = (await Task.WhenAll(load)).Where(answer => answer.Status == 200).Select(answer => answer.Token).Append("warm").Order().ToList();
        answered.Count.ShouldBeGreaterThan(1);
        at.Sandbox.Receipts("apns").Select(line => line.Recipient).Order().ShouldBe(answered);
        Apns.GoAways.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_delayed_answer_whose_connection_was_cut_is_a_receipt_without_answer()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.AskAsync("abc", at.Bearer);
        await client.SendAsync("slow-30000ms-late", at.Bearer);
        await client.SendAsync("quick", at.Bearer);
        (await client.AnswerAsync()).Status.ShouldBe(200);
        await client.SendAsync("cut-now", at.Bearer);
        (await client.IsClosedAsync()).ShouldBeTrue();
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("apns").Count == 4);
        at.Sandbox.Receipts("apns").ToDictionary(line => line.Recipient, line => line.Answered).ShouldBe(
            new Dictionary<string, bool> { ["abc"] = true, ["quick"] = true, ["cut-now"] = false, ["slow-30000ms-late"] = false }, ignoreOrder: true);
    }

    [Fact]
    public async Task A_clean_stop_keeps_every_receipt()
    {
        (await at.PushAsync(at.Push("warm", at.Bearer))).Status.ShouldBe(200);
        at.Sandbox.Change("apns", settings => settings with { LatencyMs = 500 });
        var load = Enumerable.Range(0, 200).Select(async i =>
        {
            try
            {
                return (await at.PushAsync(at.Push($"t{i}", at.Bearer))).Status;
            }
            catch (HttpRequestException)
            {
                return 0;
            }
        }).ToList();
        await Eventually.HoldsAsync(() => Apns.MaxStreams >= 100);
        var path = Path.Combine(Path.GetDirectoryName(at.Sandbox.Credentials.Folder)!, "oracle", "apns.jsonl");
        await at.Sandbox.DisposeAsync();
        var answered = (await Task.WhenAll(load)).Count(status => status == 200);
        var lines = Dispatch.Sandbox.Oracle.OracleLine.Read(path).ToList();
        lines.Count(line => line.Answered).ShouldBeGreaterThanOrEqualTo(answered + 1);
        answered.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Headers_may_come_in_any_number_of_pieces()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.WriteAsync(to =>
        {
            RawHttp2.Headers(to, 1, "abc", at.Bearer, end: false);
            RawHttp2.Body(to, 1);
        });
        (await client.AnswerAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task An_answer_waits_for_the_window()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.WriteAsync(to => FrameWriter.Settings(to, (Setting.InitialWindowSize, 5)));
        await client.SendAsync("abc", "bad");
        await client.NextAsync(FrameType.Headers);
        (await client.NextAsync(FrameType.Data)).Head.Length.ShouldBe(5);
        await client.WriteAsync(to => FrameWriter.WindowUpdate(to, 1, 1000));
        var (rest, _) = await client.NextAsync(FrameType.Data);
        rest.Length.ShouldBe("""{"reason":"InvalidProviderToken"}""".Length - 5);
        rest.Has(FrameFlags.EndStream).ShouldBeTrue();
    }

    [Fact]
    public async Task A_ping_comes_back()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.WriteAsync(to =>
        {
            FrameWriter.Head(to, 8, FrameType.Ping, FrameFlags.None, 0);
            to.Append("12345678"u8);
        });
        var (head, payload) = await client.NextAsync(FrameType.Ping);
        head.Has(FrameHead.Ack).ShouldBeTrue();
        payload.ShouldBe("12345678"u8.ToArray());
    }

    private static readonly Dictionary<string, (Action<ByteBuffer> Write, Http2Error Code)> Breaches = new()
    {
        ["even stream id"] = (to => RawHttp2.Headers(to, 2, "a", ""), Http2Error.ProtocolError),
        ["stream id used again"] = (to => { RawHttp2.Headers(to, 3, "a", ""); RawHttp2.Headers(to, 1, "a", ""); }, Http2Error.ProtocolError),
        ["data on an idle stream"] = (to => RawHttp2.Body(to, 1), Http2Error.ProtocolError),
        ["frame inside a header block"] = (to => { FrameWriter.Head(to, 0, FrameType.Headers, FrameFlags.None, 1); RawHttp2.Body(to, 1); }, Http2Error.ProtocolError),
        ["continuation of nothing"] = (to => FrameWriter.Head(to, 0, FrameType.Continuation, FrameFlags.EndHeaders, 1), Http2Error.ProtocolError),
        ["frame above 16 KiB"] = (to => FrameWriter.Head(to, 17_000, FrameType.Data, FrameFlags.None, 1), Http2Error.FrameSizeError),
        ["ping of seven octets"] = (to => { FrameWriter.Head(to, 7, FrameType.Ping, FrameFlags.None, 0); to.Take(7); }, Http2Error.FrameSizeError),
        ["window update of nothing"] = (to => FrameWriter.WindowUpdate(to, 0, 0), Http2Error.ProtocolError),
        ["window above 2^31-1"] = (to => FrameWriter.WindowUpdate(to, 0, int.MaxValue), Http2Error.FlowControlError),
        ["broken header block"] = (to => { FrameWriter.Head(to, 1, FrameType.Headers, FrameFlags.EndHeaders, 1); to.Append(0x80); }, Http2Error.CompressionError),
        ["padding longer than the frame"] = (to => { FrameWriter.Head(to, 1, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Padded, 1); to.Append(9); }, Http2Error.ProtocolError),
        ["reset of an idle stream"] = (to => FrameWriter.Reset(to, 9, Http2Error.Cancel), Http2Error.ProtocolError),
    };

    public static TheoryData<string> BreachNames => [.. Breaches.Keys];

    [Theory]
    [MemberData(nameof(BreachNames))]
    public async Task A_breach_ends_the_connection_with_its_code(string name)
    {
        var (write, code) = Breaches[name];
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        await client.WriteAsync(write);
        var (_, payload) = await client.NextAsync(FrameType.GoAway);
        payload[7].ShouldBe((byte)code);
        (await client.IsClosedAsync()).ShouldBeTrue();
        (await at.PushAsync(at.Push("others-go-on"))).Status.ShouldBe(200);
    }
}
