using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dispatch.Email.Tests.Smtp;

/// <summary>
/// The other end of the wire, word by word: for what a well-behaved relay never does. Each connection plays the next script; a script that is not followed fails the test.
/// </summary>
sealed class ScriptedRelay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new(TimeSpan.FromSeconds(30));
    private readonly Task playing;

    public ScriptedRelay(params Func<Conversation, Task>[] scripts)
    {
        listener.Start();
        playing = PlayAsync(scripts);
    }

    public Uri Endpoint => new($"smtp://{listener.LocalEndpoint}");

    /// <summary>All scripts were played to their end.</summary>
    public Task PlayedAsync() => playing.WaitAsync(stop.Token);

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await stop.CancelAsync();
        stop.Dispose();
    }

    private async Task PlayAsync(Func<Conversation, Task>[] scripts)
    {
        foreach (var script in scripts)
        {
            using var client = await listener.AcceptTcpClientAsync(stop.Token);
            await script(new Conversation(client.GetStream(), stop.Token));
        }
    }

    public sealed class Conversation(NetworkStream stream, CancellationToken stop)
    {
        private readonly StringBuilder heard = new();

        public async Task SayAsync(params string[] lines) => await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\r\n"))), stop);

        /// <summary>Reads until the other end has said this, and returns all that it said.</summary>
        public async Task<string> HearAsync(string end)
        {
            var bytes = new byte[64 * 1024];
            while (!EndsWith(end))
            {
                var read = await stream.ReadAsync(bytes, stop);
                read.ShouldBeGreaterThan(0, $"closed while waiting for '{end}', after: {heard}");
                heard.Append(Encoding.UTF8.GetString(bytes, 0, read));
            }

            var all = heard.ToString();
            heard.Clear();
            return all;
        }

        private bool EndsWith(string end) => heard.Length >= end.Length && heard.ToString(heard.Length - end.Length, end.Length) == end;

        /// <summary>Reads until the other end closes.</summary>
        public async Task<string> HearAllAsync()
        {
            var bytes = new byte[64 * 1024];
            for (int read; (read = await stream.ReadAsync(bytes, stop)) > 0;)
            {
                heard.Append(Encoding.UTF8.GetString(bytes, 0, read));
            }

            return heard.ToString();
        }

        /// <summary>The other end closes, having said nothing more.</summary>
        public async Task HearEndAsync()
        {
            try
            {
                (await stream.ReadAsync(new byte[1], stop)).ShouldBe(0);
            }
            catch (IOException)
            {
                // Reset: an end too.
            }
        }

        public async Task GreetAsync(params string[] capabilities)
        {
            await SayAsync("220 relay.example ESMTP");
            (await HearAsync("\r\n")).ShouldStartWith("EHLO ");
            await SayAsync([.. capabilities.Select(word => $"250-{word}").Prepend("250-relay.example"), "250 8BITMIME"]);
        }

        /// <summary>Envelope and mail, all taken.</summary>
        public async Task<string> TakeAsync()
        {
            var envelope = await HearAsync("DATA\r\n");
            await SayAsync("250 2.1.0 Ok", "250 2.1.5 Ok", "354 go on");
            var mail = await HearAsync("\r\n.\r\n");
            await SayAsync("250 2.0.0 Ok: queued as 4C8");
            return envelope + mail;
        }
    }
}
