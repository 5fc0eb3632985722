using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Dispatch.Sandbox.Tests;

/// <summary>A terminal to an SMTP relay: says lines, reads replies.</summary>
sealed class SmtpClientScript : IAsyncDisposable
{
    private readonly TcpClient tcp = new();
    private Stream stream = null!;
    private readonly byte[] one = new byte[1];

    public static async Task<SmtpClientScript> ConnectAsync(IPEndPoint relay)
    {
        var client = new SmtpClientScript();
        await client.tcp.ConnectAsync(relay);
        client.stream = client.tcp.GetStream();
        return client;
    }

    /// <summary>Greeted, encrypted, known: ready for MAIL.</summary>
    public static async Task<SmtpClientScript> ReadyAsync(Sandbox sandbox, int relay = 0)
    {
        var client = await ConnectAsync(sandbox.Endpoints.Smtp[relay]);
        (await client.ReplyAsync()).ShouldStartWith("220 ");
        (await client.SayAsync("EHLO test")).ShouldStartWith("250-");
        await client.StartTlsAsync(sandbox);
        (await client.SayAsync("EHLO test")).ShouldContain("250 AUTH PLAIN LOGIN");
        var password = (await File.ReadAllTextAsync(sandbox.Credentials.SmtpPasswordFile)).Trim();
        (await client.SayAsync("AUTH PLAIN " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{Credentials.SmtpUser}\0{password}")))).ShouldStartWith("235 ");
        return client;
    }

    public async Task StartTlsAsync(Sandbox sandbox)
    {
        (await SayAsync("STARTTLS")).ShouldStartWith("220 ");
        var tls = new SslStream(stream);
        var trust = SandboxFixture.Trust(sandbox.Credentials);
        trust.TargetHost = "localhost";
        await tls.AuthenticateAsClientAsync(trust);
        stream = tls;
    }

    public async Task<string> SayAsync(string lines)
    {
        await WriteAsync(lines + "\r\n");
        return await ReplyAsync();
    }

    public Task WriteAsync(string text) => stream.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();

    /// <summary>The next reply, all its lines; "" when the relay has closed instead.</summary>
    public async Task<string> ReplyAsync(TimeSpan? within = null)
    {
        var text = new StringBuilder();
        while (true)
        {
            var line = await LineAsync().WaitAsync(within ?? TimeSpan.FromSeconds(20));
            if (line is null)
            {
                return text.ToString();
            }

            text.Append(line).Append('\n');
            if (line.Length < 4 || line[3] == ' ')
            {
                return text.ToString().TrimEnd();
            }
        }
    }

    /// <summary>A whole mail to these recipients.</summary>
    /// <returns>The reply to the final dot, or the first refusal before it.</returns>
    public async Task<string> MailAsync(string content, params string[] recipients)
    {
        var reply = await SayAsync("MAIL FROM:<shop@example.org>");
        foreach (var recipient in recipients)
        {
            reply = reply.StartsWith('2') ? await SayAsync($"RCPT TO:<{recipient}>") : reply;
        }

        reply = reply.StartsWith('2') ? await SayAsync("DATA") : reply;
        return reply.StartsWith("354", StringComparison.Ordinal) ? await SayAsync(content + "\r\n.") : reply;
    }

    public ValueTask DisposeAsync()
    {
        tcp.Dispose();
        return stream.DisposeAsync();
    }

    private async Task<string?> LineAsync()
    {
        var line = new StringBuilder();
        try
        {
            while (await stream.ReadAsync(one) > 0)
            {
                if (one[0] == '\n')
                {
                    return line.ToString().TrimEnd('\r');
                }

                line.Append((char)one[0]);
            }
        }
        catch (IOException)
        {
            // reset instead of closed
        }

        return null;
    }
}
