using System.Diagnostics;
using System.Net.Sockets;

namespace Dispatch.Bench.Sides;

/// <summary>A side's probes answer before it listens: whoever is to call it waits for the port too.</summary>
static class OpenPort
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task WaitAsync(int port, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, stop);
                return;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(since) < Patience)
            {
                await Task.Delay(50, stop);
            }
        }
    }
}
