using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Dispatch.Sandbox.Smtp;

/// <summary>The listener of one relay.</summary>
sealed class SmtpServer : IAsyncDisposable
{
    static readonly TimeSpan GraceMax = TimeSpan.FromSeconds(1);

    readonly SmtpRelay relay;
    readonly ILogger log;
    readonly Socket listener;
    readonly CancellationTokenSource stop = new();
    readonly ConcurrentDictionary<int, Task> sessions = new();
    readonly Task accepting;
    int lastSession;

    public SmtpServer(IPEndPoint endpoint, SmtpRelay relay, ILogger log)
    {
        (this.relay, this.log) = (relay, log);
        listener = Listener.Bind(endpoint);
        accepting = AcceptAsync();
    }

    public IPEndPoint Endpoint => (IPEndPoint)listener.LocalEndPoint!;

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        await accepting;
        stop.CancelAfter(GraceMax); // a mail in the middle of its data may still get its answer
        await Task.WhenAll(sessions.Values);
        stop.Dispose();
    }

    async Task AcceptAsync()
    {
        await foreach (var socket in Listener.AcceptAllAsync(listener))
        {
            var id = ++lastSession;
            var session = ServeAsync(socket);
            sessions[id] = session;
            _ = session.ContinueWith(_ => sessions.TryRemove(id, out Task? ended), TaskScheduler.Default);
        }
    }

    async Task ServeAsync(Socket socket)
    {
        await Task.Yield();
        relay.Provider.Counters.Connected();
        socket.NoDelay = true;
        using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            await new SmtpSession(stream, relay, stop.Token).RunAsync();
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or ObjectDisposedException or OperationCanceledException)
        {
            log.ConnectionEnded(relay.Provider.Name, e.Message);
        }
#pragma warning disable CA1031 // one broken session must not take the stand-in with it, and must not go unseen
        catch (Exception e)
#pragma warning restore CA1031
        {
            log.StandInFault(relay.Provider.Name, e);
        }
        finally
        {
            relay.Provider.Counters.Disconnected();
        }
    }
}
