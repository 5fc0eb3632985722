using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dispatch.Email.Mime;

namespace Dispatch.Email.Smtp;

/// <summary>
/// Bytes to and from a relay, each step within its time. After an <see cref="IOException"/>, a <see cref="SocketException"/> or an
/// <see cref="OperationCanceledException"/> (the time is up) it is of no more use.
/// </summary>
sealed class SmtpWire : IAsyncDisposable
{
    private readonly CancellationTokenSource clock = new(); // one for all steps: its timer is moved, never made anew
    private readonly SmtpReplyReader replies = new();
    private Stream stream;

    private SmtpWire(Stream stream) => this.stream = stream;

    /// <summary>What <see cref="FlushAsync"/> sends.</summary>
    public ByteWriter Out { get; } = new(1024);

    public bool IsSecure => stream is SslStream;

    [SuppressMessage("Reliability", "CA2000", Justification = "The wire owns the stream, which owns the socket.")]
    public static async ValueTask<SmtpWire> ConnectAsync(string host, int port, TimeSpan timeout)
    {
        using var time = new CancellationTokenSource(timeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(host, port), time.Token);
            return new SmtpWire(new NetworkStream(socket, ownsSocket: true));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public ValueTask FlushAsync(TimeSpan timeout)
    {
        var bytes = Out.Written;
        Out.Clear(); // the array stays as it is until something new is written into it
        return WriteAsync(bytes, timeout);
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, TimeSpan timeout)
    {
        clock.CancelAfter(timeout);
        return stream.WriteAsync(bytes, clock.Token);
    }

    /// <param name="keepText">Keep the words of a good reply too; those of a bad one are kept always.</param>
    public async ValueTask<SmtpReply> ReadAsync(TimeSpan timeout, bool keepText = false)
    {
        SmtpReply reply;
        while (!replies.TryTake(keepText, out reply))
        {
            clock.CancelAfter(timeout);
            await replies.FillAsync(stream, clock.Token);
        }

        return reply;
    }

    /// <summary>
    /// Nothing more runs against the clock for now.
    /// </summary>
    public void Rest() => clock.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>From here on in TLS, with a certificate for <paramref name="host"/> that leads to a trusted root.</summary>
    /// <exception cref="SmtpProtocolException">Bytes that came before TLS wait behind the last reply: somebody put them there to be read as if they had come within it.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">The certificate is not good, or there is no common version.</exception>
    public async ValueTask SecureAsync(string host, string trustFile, TimeSpan timeout)
    {
        if (replies.HasMore)
        {
            throw new SmtpProtocolException("bytes_before_tls");
        }

        clock.CancelAfter(timeout);
        var tls = new SslStream(stream);
        stream = tls;
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, CertificateChainPolicy = Trusting(trustFile) }, clock.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync();
        clock.Dispose();
        Out.Dispose();
    }

    private static X509ChainPolicy? Trusting(string trustFile)
    {
        if (trustFile.Length == 0)
        {
            return null;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(trustFile);
        }
        catch (CryptographicException e)
        {
            throw new IOException($"trust file cannot be read: {e.Message}", e);
        }

        return policy;
    }
}
