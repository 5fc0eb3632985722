using System.Net;
using System.Net.Sockets;
using Dispatch.Push.Apns;
using Dispatch.Push.Http2;

namespace Dispatch.Push.Tests.Http2;

/// <summary>A connection whose peer is a bare socket: what the Sandbox is too well-behaved to play.</summary>
public sealed class Http2ConnectionTests : IAsyncLifetime
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private TcpClient client = null!;
    private NetworkStream peer = null!;

    public async Task InitializeAsync()
    {
        listener.Start();
        client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        peer = (await listener.AcceptTcpClientAsync()).GetStream();
    }

    public async Task DisposeAsync()
    {
        await peer.DisposeAsync();
        client.Dispose();
        listener.Dispose();
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_a_ping_is_dead_and_what_was_whole_is_unknown()
    {
        await using var connection = await OpenAsync(new ApnsOptions { PingAfterBusy = TimeSpan.FromMilliseconds(300), PingTimeout = TimeSpan.FromMilliseconds(300) });
        using var request = Request();
        var sent = connection.SendAsync(request, Messages.Always);
        (await connection.Ended.WaitAsync(TimeSpan.FromSeconds(20))).ShouldBe("no answer to ping");
        (await sent).ShouldSatisfyAllConditions(it => it.End.ShouldBe(Http2End.Unknown), it => it.Reason.ShouldBe("connection_lost"));
        connection.Draining.ShouldBeTrue();
    }

    [Fact]
    public async Task A_peer_that_answers_pings_and_nothing_else_keeps_its_connection()
    {
        await using var connection = await OpenAsync(new ApnsOptions { PingAfter = TimeSpan.FromMilliseconds(200), PingTimeout = TimeSpan.FromMilliseconds(2_000) });
        for (var pings = 0; pings < 3;)
        {
            var frame = await ReadAsync();
            if (frame.Type == FrameType.Ping)
            {
                pings++;
                await peer.WriteAsync(Peer.Frame(FrameType.Ping, Frame.Ack, 0, new byte[8]));
            }
        }

        connection.Ended.IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task A_peer_that_speaks_no_http2_is_told_so_and_left()
    {
        await peer.WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        await Should.ThrowAsync<IOException>(() => Http2Connection.OpenAsync(client.GetStream(), new ApnsOptions(), TimeProvider.System, CancellationToken.None));
    }

    [Fact]
    public async Task Patience_with_a_peer_that_says_nothing_has_an_end()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Should.ThrowAsync<OperationCanceledException>(
            () => Http2Connection.OpenAsync(client.GetStream(), new ApnsOptions(), TimeProvider.System, patience.Token));
    }

    [Fact]
    public async Task A_connection_that_is_given_up_says_goaway()
    {
        var connection = await OpenAsync(new ApnsOptions());
        connection.Retire();
        FrameType last;
        do
        {
            last = (await ReadAsync()).Type;
        }
        while (last != FrameType.GoAway);
        (await connection.Ended).ShouldBe("drained");
        using var request = Request();
        (await connection.SendAsync(request, Messages.Always)).Reason.ShouldBe(Http2Answer.GoAway);
    }

    private async Task<Http2Connection> OpenAsync(ApnsOptions options)
    {
        await peer.WriteAsync(Peer.Frame(FrameType.Settings, 0, 0));
        var connection = await Http2Connection.OpenAsync(client.GetStream(), options, TimeProvider.System, CancellationToken.None);
        await peer.ReadExactlyAsync(new byte[24]); // the magic words
        return connection;
    }

    private async Task<Frame> ReadAsync()
    {
        var bytes = new byte[Frame.HeaderSize];
        await peer.ReadExactlyAsync(bytes);
        var frame = Frame.Read(bytes);
        await peer.ReadExactlyAsync(new byte[frame.Length]);
        return frame;
    }

    private static Http2Request Request()
    {
        var request = new Http2Request();
        request.Advance(1);
        request.BeginBody();
        request.Advance(10);
        return request;
    }
}
