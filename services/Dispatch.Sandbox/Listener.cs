using System.Net;
using System.Net.Sockets;

namespace Dispatch.Sandbox;

static class Listener
{
    /// <exception cref="IOException">Somebody else has the port; the message names it.</exception>
    public static Socket Bind(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endpoint);
            socket.Listen(512);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen on {endpoint}: {e.Message}", e);
        }
    }

    public static int PortOf(Socket listener) => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Ends when the listener is disposed.</summary>
    public static async IAsyncEnumerable<Socket> AcceptAllAsync(Socket listener)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await listener.AcceptAsync();
            }
            catch (ObjectDisposedException)
            {
                yield break;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket)
            {
                yield break;
            }
            catch (SocketException)
            {
                continue; // the client left before it was accepted
            }

            yield return accepted;
        }
    }
}
