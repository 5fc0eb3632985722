using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Dispatch.Sandbox.Http2;

/// <summary>
/// A listener with TLS that speaks HTTP/2 by itself. Why not Kestrel: it fixes a connection's stream limit when the connection opens, and does not let a stand-in
/// cut, keep silent or send GOAWAY when it is told to.
/// </summary>
sealed class Http2Server : IAsyncDisposable
{
    static readonly TimeSpan GraceMax = TimeSpan.FromSeconds(2);

    readonly IHttp2Application application;
    readonly Provider provider;
    readonly TimerWheel wheel;
    readonly ILogger log;
    readonly SslServerAuthenticationOptions tls;
    readonly Socket listener;
    readonly CancellationTokenSource stop = new();
    readonly ConcurrentDictionary<Http2Connection, Task> connections = new();
    readonly Task accepting;

    public Http2Server(Socket listener, IHttp2Application application, Provider provider, SslStreamCertificateContext certificate, TimerWheel wheel, ILogger log)
    {
        (this.application, this.provider, this.wheel, this.log) = (application, provider, wheel, log);
        tls = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        };
        this.listener = listener;
        provider.Changed += OnChanged;
        accepting = AcceptAsync();
    }

    public int Port => Listener.PortOf(listener);

    /// <summary>Tells every client to go elsewhere, see <see cref="Http2Session.GoAway"/>.</summary>
    public void GoAway(string debug)
    {
        var octets = Encoding.UTF8.GetBytes(debug);
        foreach (var connection in connections.Keys)
        {
            connection.Do(session => session.GoAway(Http2Error.NoError, octets));
        }
    }

    public async ValueTask DisposeAsync()
    {
        provider.Changed -= OnChanged;
        listener.Dispose();
        await accepting;
        GoAway("");
        try
        {
            await Task.WhenAll(connections.Values).WaitAsync(GraceMax);
        }
        catch (TimeoutException)
        {
            await stop.CancelAsync(); // clients that keep silent streams open
            await Task.WhenAll(connections.Values);
        }

        stop.Dispose();
    }

    void OnChanged(ProviderSettings to)
    {
        foreach (var connection in connections.Keys)
        {
            connection.Do(session => session.Limit(to.StreamLimit));
        }
    }

    async Task AcceptAsync()
    {
        await foreach (var socket in Listener.AcceptAllAsync(listener))
        {
            var connection = new Http2Connection(socket, application, provider, wheel, log);
            var serving = ServeAsync(connection);
            connections[connection] = serving;
            if (serving.IsCompleted)
            {
                connections.TryRemove(connection, out _); // it ended before it was listed
            }
        }
    }

    async Task ServeAsync(Http2Connection connection)
    {
        await Task.Yield(); // a client that is slow to shake hands must not hold up the next
        await connection.RunAsync(tls, stop.Token);
        connections.TryRemove(connection, out _);
    }
}
