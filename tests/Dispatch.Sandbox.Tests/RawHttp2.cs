using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Dispatch.Sandbox.Http2;

namespace Dispatch.Sandbox.Tests;

/// <summary>A client that does what no library would: breaks limits, stops in the middle, sends what it likes.</summary>
sealed class RawHttp2 : IAsyncDisposable
{
    private readonly TcpClient tcp = new() { NoDelay = true };
    private readonly HpackDecoder hpack = new();
    private SslStream stream = null!;
    private int lastStreamId = -1;

    public int? StreamLimit { get; private set; }

    public static async Task<RawHttp2> ConnectAsync(Sandbox sandbox, bool acknowledge = true)
    {
        var client = new RawHttp2();
        await client.tcp.ConnectAsync(sandbox.Endpoints.Apns.Host, sandbox.Endpoints.Apns.Port);
        client.stream = new SslStream(client.tcp.GetStream());
        var trust = SandboxFixture.Trust(sandbox.Credentials);
        trust.TargetHost = "localhost";
        trust.ApplicationProtocols = [SslApplicationProtocol.Http2];
        await client.stream.AuthenticateAsClientAsync(trust);
        await client.WriteAsync(to =>
        {
            to.Append("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
            FrameWriter.Settings(to);
        });
        await client.NextAsync(FrameType.Settings);
        if (acknowledge)
        {
            await client.AcknowledgeAsync();
        }

        return client;
    }

    public Task AcknowledgeAsync() => WriteAsync(FrameWriter.SettingsAck);

    /// <summary>A whole request, or only its headers.</summary>
    public async Task<int> SendAsync(string deviceToken, string bearer, bool whole = true)
    {
        var id = lastStreamId += 2;
        await WriteAsync(to =>
        {
            Headers(to, id, deviceToken, bearer);
            if (whole)
            {
                Body(to, id);
            }
        });
        return id;
    }

    public Task FinishAsync(int streamId) => WriteAsync(to => Body(to, streamId));

    public async Task<(int Status, string Reason)> AskAsync(string deviceToken, string bearer)
    {
        await SendAsync(deviceToken, bearer);
        return await AnswerAsync();
    }

    /// <summary>The next answer, whatever stream it is for.</summary>
    public async Task<(int Status, string Reason)> AnswerAsync()
    {
        var (head, payload) = await NextAsync(FrameType.Headers);
        var headers = new HeaderStore();
        hpack.Decode(payload, headers);
        var status = int.Parse(Encoding.ASCII.GetString(headers[":status"u8]), System.Globalization.CultureInfo.InvariantCulture);
        if (head.Has(FrameFlags.EndStream))
        {
            return (status, "");
        }

        (_, payload) = await NextAsync(FrameType.Data);
        return (status, JsonDocument.Parse(payload).RootElement.GetProperty("reason").GetString()!);
    }

    /// <summary>The next frame of this type; SETTINGS on the way are noted, not acknowledged.</summary>
    public async Task<(FrameHead Head, byte[] Payload)> NextAsync(FrameType type)
    {
        while (true)
        {
            var octets = new byte[FrameHead.Size];
            await stream.ReadExactlyAsync(octets).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            var head = FrameHead.Read(octets);
            var payload = new byte[head.Length];
            await stream.ReadExactlyAsync(payload).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            for (var at = 0; head.Type == FrameType.Settings && at < payload.Length; at += 6)
            {
                if (payload[at + 1] == (byte)Setting.MaxConcurrentStreams)
                {
                    StreamLimit = (payload[at + 2] << 24) | (payload[at + 3] << 16) | (payload[at + 4] << 8) | payload[at + 5];
                }
            }

            if (head.Type == type && !(type == FrameType.Settings && head.Has(FrameHead.Ack)))
            {
                return (head, payload);
            }
        }
    }

    /// <summary>True when the server has closed; frames before that are passed over.</summary>
    public async Task<bool> IsClosedAsync()
    {
        try
        {
            var octets = new byte[1024];
            while (await stream.ReadAsync(octets).AsTask().WaitAsync(TimeSpan.FromSeconds(20)) > 0)
            {
            }

            return true;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public async Task WriteAsync(Action<ByteBuffer> write)
    {
        var to = new ByteBuffer(1024);
        write(to);
        await stream.WriteAsync(to.Memory);
    }

    public ValueTask DisposeAsync()
    {
        tcp.Dispose();
        return stream.DisposeAsync();
    }

    public static void Headers(ByteBuffer to, int id, string deviceToken, string bearer, bool end = true)
    {
        var block = new ByteBuffer(512);
        HpackWriter.Field(block, ":method"u8, "POST"u8);
        HpackWriter.Field(block, ":scheme"u8, "https"u8);
        HpackWriter.Field(block, ":authority"u8, "localhost"u8);
        HpackWriter.Field(block, ":path"u8, Encoding.ASCII.GetBytes($"/3/device/{deviceToken}"));
        if (bearer.Length > 0)
        {
            HpackWriter.Field(block, "authorization"u8, Encoding.ASCII.GetBytes($"bearer {bearer}"));
        }

        HpackWriter.Field(block, "apns-topic"u8, "org.example"u8);
        if (end)
        {
            FrameWriter.Head(to, block.Length, FrameType.Headers, FrameFlags.EndHeaders, id);
            to.Append(block.Written);
            return;
        }

        foreach (var (at, octet) in block.Written.ToArray().Index()) // the slowest client there is: one octet a CONTINUATION
        {
            var flags = at == block.Length - 1 ? FrameFlags.EndHeaders : FrameFlags.None;
            FrameWriter.Head(to, 1, at == 0 ? FrameType.Headers : FrameType.Continuation, flags, id);
            to.Append(octet);
        }
    }

    public static void Body(ByteBuffer to, int id)
    {
        FrameWriter.Head(to, 2, FrameType.Data, FrameFlags.EndStream, id);
        to.Append("{}"u8);
    }
}
