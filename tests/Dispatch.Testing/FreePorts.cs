using System.Net;
using System.Net.Sockets;

namespace Dispatch.Testing;

/// <summary>
/// Ports of the loopback that nobody listens on. Taken below the range that the kernel hands out by itself, so that no outgoing connection takes one meanwhile, from a share
/// that no other test process takes from, and given once: who asked may listen later.
/// </summary>
public static class FreePorts
{
    private const int Lowest = 20_000;
    private const int Highest = 32_000; // ip_local_port_range begins at 32768
    private const int Share = 2_000;

    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Given = [];
    private static readonly (Socket? Claim, int First, int Last) Own = Claimed(); // until the process ends

    public static int One() => Row(1);

    /// <returns>The first of so many neighbours.</returns>
    public static int Row(int count)
    {
        lock (Gate)
        {
            if (Given.Count > (Own.Last - Own.First) / 2)
            {
                Given.Clear(); // long ago, most of them
            }

            while (true)
            {
                var first = Random.Shared.Next(Own.First, Own.Last - count);
                int[] row = [.. Enumerable.Range(first, count)];
                if (!Array.Exists(row, Given.Contains) && Array.TrueForAll(row, IsFree))
                {
                    Given.UnionWith(row);
                    return first;
                }
            }
        }
    }

    /// <summary>Whoever listens at the first port of a share has it; all of them to choose from when there are more processes than shares.</summary>
    private static (Socket? Claim, int First, int Last) Claimed()
    {
        for (var first = Lowest; first < Highest; first += Share)
        {
            if (TryListen(first) is { } claim)
            {
                return (claim, first + 1, first + Share);
            }
        }

        return (null, Lowest, Highest);
    }

    private static bool IsFree(int port)
    {
        using var socket = TryListen(port);
        return socket is not null;
    }

    /// <summary>Listens, because a socket that is only bound keeps nobody away.</summary>
    private static Socket? TryListen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
