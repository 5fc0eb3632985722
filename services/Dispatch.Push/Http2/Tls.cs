using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Dispatch.Push.Http2;

/// <summary>TLS to a provider in the versions that the system allows (HTTP/2 wants 1.2 at least), its name checked, and no way around either.</summary>
static class Tls
{
    /// <param name="trustFile">Roots that are trusted instead of the system's; empty: the system's.</param>
    /// <exception cref="AuthenticationException">Its certificate does not lead to a trusted root, or it does not speak HTTP/2.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The caller owns the stream, and with it the socket; a fault disposes of both.")]
    public static async Task<Stream> ConnectAsync(Uri endpoint, string trustFile, CancellationToken stop)
    {
        SslStream? tls = null;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(endpoint.Host, endpoint.Port), stop);
            tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = endpoint.Host,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    CertificateChainPolicy = Trusting(trustFile),
                },
                stop);
            return tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2 ? tls : throw new AuthenticationException("the peer does not offer h2");
        }
        catch
        {
            socket.Dispose();
            if (tls is not null)
            {
                await tls.DisposeAsync();
            }

            throw;
        }
    }

    /// <returns>Null: the system's roots.</returns>
    public static X509ChainPolicy? Trusting(string trustFile)
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
