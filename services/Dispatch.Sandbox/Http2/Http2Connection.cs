using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;

namespace Dispatch.Sandbox.Http2;

/// <summary>
/// One client: its socket, its TLS, one loop that reads. Answers that are due while the loop reads wait for the moment when nothing more has arrived,
/// so a burst of requests is answered in few writes.
/// </summary>
sealed class Http2Connection : IDisposable
{
    const int BatchBytes = 16 * 1024; // one TLS record: more waiting answers than that leave even while requests keep coming

    static readonly TimeSpan LastWordsMax = TimeSpan.FromSeconds(1);

    readonly Lock gate = new();
    readonly Socket socket;
    readonly SslStream stream;
    readonly Http2Output output;
    readonly Http2Session session;
    readonly Http2Reader reader;
    readonly Provider provider;
    readonly ILogger log;

    public Http2Connection(Socket socket, IHttp2Application application, Provider provider, TimerWheel wheel, ILogger log)
    {
        this.socket = socket;
        this.provider = provider;
        this.log = log;
        socket.NoDelay = true;
        stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        output = new Http2Output(stream, gate, () => provider.Oracle.WriteOut(), Close);
        session = new Http2Session(this, application, provider, output, wheel);
        reader = new Http2Reader(session);
    }

    /// <summary>For the application: what it wants to remember about the client, such as the token it sent last.</summary>
    public object? Memory { get; set; }

    /// <summary>Under the lock already, from inside <see cref="IHttp2Application.Decide"/>.</summary>
    public void Promote() => session.Promote();

    /// <summary>Under the lock already, from inside <see cref="IHttp2Application.Decide"/>.</summary>
    public void LeaveAfterThis(ReadOnlySpan<byte> debug) => session.GoAway(Http2Error.NoError, debug);

    /// <summary>From any other thread: under the lock, and what it wrote leaves.</summary>
    public void Do(Action<Http2Session> action)
    {
        lock (gate)
        {
            action(session);
        }

        Leave();
    }

    /// <summary>Ends when the connection does; a client's fault is logged, never thrown.</summary>
    public async Task RunAsync(SslServerAuthenticationOptions tls, CancellationToken stop)
    {
        provider.Counters.Connected();
        try
        {
            await stream.AuthenticateAsServerAsync(tls, stop);
            if (stream.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
            {
                log.ProtocolBroken(provider.Name, "no h2 in ALPN");
                return;
            }

            await ReadAsync(stop);
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or ObjectDisposedException or OperationCanceledException)
        {
            log.ConnectionEnded(provider.Name, e.Message);
        }
#pragma warning disable CA1031 // one broken connection must not take the stand-in with it, and must not go unseen
        catch (Exception e)
#pragma warning restore CA1031
        {
            log.StandInFault(provider.Name, e);
        }
        finally
        {
            await LastWordsAsync();
            lock (gate)
            {
                session.End();
            }

            provider.Counters.Disconnected();
            Dispose();
        }
    }

    async Task LastWordsAsync()
    {
        output.Flush();
        try
        {
            await output.DrainAsync().WaitAsync(LastWordsMax);
        }
        catch (TimeoutException)
        {
            log.ConnectionEnded(provider.Name, "the client does not read");
        }
    }

    public void Dispose() => stream.Dispose();

    async Task ReadAsync(CancellationToken stop)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4 * FrameHead.PayloadMax);
        try
        {
            Do(session => session.Begin());
            for (var filled = 0; !session.Over;)
            {
                var read = stream.ReadAsync(buffer.AsMemory(filled), stop);
                if (!read.IsCompleted)
                {
                    output.Flush();
                }

                var count = await read;
                if (count == 0)
                {
                    return;
                }

                filled = Process(buffer, filled + count);
                if (output.Congested)
                {
                    output.Flush();
                    await output.DrainAsync().WaitAsync(stop);
                }
            }

            while (await stream.ReadAsync(buffer, stop) > 0)
            {
                // A close with unread octets would be a reset, and might take from the client what it has not read yet.
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <returns>How much of the buffer is left at its front: the beginning of a frame.</returns>
    int Process(byte[] buffer, int filled)
    {
        int used;
        bool many;
        lock (gate)
        {
            try
            {
                used = reader.Process(buffer.AsSpan(0, filled));
            }
            catch (Http2Exception e)
            {
                log.ProtocolBroken(provider.Name, e.Message);
                session.GoAway(e.Code, System.Text.Encoding.ASCII.GetBytes(e.Message));
                used = filled;
            }

            many = output.Frames.Length > BatchBytes;
        }

        if (many || session.Over)
        {
            Leave();
        }

        buffer.AsSpan(used, filled - used).CopyTo(buffer);
        return filled - used;
    }

    void Leave()
    {
        if (session.Over)
        {
            output.End();
        }
        else
        {
            output.Flush();
        }
    }

    /// <summary>A cut is one; in all other cases the client has a moment to close by itself.</summary>
    void Close()
    {
        if (session.WasCut)
        {
            Shut(SocketShutdown.Both);
            return;
        }

        Shut(SocketShutdown.Send);
        _ = CloseLaterAsync();
    }

    async Task CloseLaterAsync()
    {
        await Task.Delay(LastWordsMax);
        Shut(SocketShutdown.Both); // wakes the loop that reads
    }

    void Shut(SocketShutdown side)
    {
        try
        {
            socket.Shutdown(side);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            log.ConnectionEnded(provider.Name, e.Message); // the client was faster
        }
    }
}
