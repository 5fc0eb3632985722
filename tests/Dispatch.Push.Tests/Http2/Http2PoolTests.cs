using System.Net;
using System.Net.Sockets;
using Dispatch.Push.Apns;
using Dispatch.Push.Http2;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Push.Tests.Http2;

public sealed class Http2PoolTests
{
    [Fact]
    public async Task A_clock_that_is_set_back_does_not_prolong_a_back_off()
    {
        var clock = new HandClock(DateTimeOffset.UtcNow);
        await using var pool = new Http2Pool("one", Refusing(), new ApnsOptions(), clock, NullLogger.Instance);
        using var request = new Http2Request();
        (await pool.SendAsync(request, Messages.Always)).End.ShouldBe(Http2End.NothingLeft);
        clock.Advance(TimeSpan.FromMinutes(-1));
        await Eventually.HoldsAsync(() => pool.Pause is null);
    }

    /// <summary>Where nobody listens any more.</summary>
    private static Uri Refusing()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
