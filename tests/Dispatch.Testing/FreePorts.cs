using System.Net;
using System.Net.Sockets;

namespace Dispatch.Testing;

/// <summary>Ports of the loopback that nobody listens on. Taken below the range that the kernel hands out by itself, so that no outgoing connection takes one meanwhile, and given once: who asked may listen later.</summary>
public static class FreePorts
{
    private const int First = 20_000;
    private const int Last = 32_000; // ip_local_port_range begins at 32768

    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Given = [];

    public static int One() => Row(1);

    /// <returns>The first of so many neighbours.</returns>
    public static int Row(int count)
    {
        lock (Gate)
        {
            if (Given.Count > (Last - First) / 2)
            {
                Given.Clear(); // long ago, most of them
            }

            while (true)
            {
                var first = Random.Shared.Next(First, Last - count);
                int[] row = [.. Enumerable.Range(first, count)];
                if (!Array.Exists(row, Given.Contains) && Array.TrueForAll(row, IsFree))
                {
                    Given.UnionWith(row);
                    return first;
                }
            }
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
