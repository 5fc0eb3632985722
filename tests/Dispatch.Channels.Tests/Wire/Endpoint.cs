using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Tests.Wire;

sealed record Receipt(DateTimeOffset At, string MessageId, string Address, uint Attempt, int Status);

/// <summary>
/// The other end of the wire: an HTTP server on loopback that notes every request whose bytes arrived and obeys the address:
/// `retry-2-x` is refused twice (503), `after-3-x` once with a Retry-After of 3 s, `dead-x` is gone (410), `cut-x` is cut after the bytes arrived, `slow-x` takes 200 ms, `hang-x` is answered by <see cref="Release"/>;
/// anything else is taken. <see cref="Mood"/> overrides it for all.
/// </summary>
sealed class Endpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, int> _seen = new();
    private readonly TaskCompletionSource _closing = new();
    private readonly TaskCompletionSource<int> _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Endpoint(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    public ConcurrentQueue<Receipt> Receipts { get; } = new();

    /// <summary>0: by address; a status: that one for all; -1: silence.</summary>
    public volatile int Mood;

    public IEnumerable<Receipt> Accepted => Receipts.Where(receipt => receipt.Status == 200);

    public static async Task<Endpoint> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var endpoint = new Endpoint(builder.Build());
        endpoint._app.MapPost("/{address}", endpoint.TakeAsync);
        await endpoint._app.StartAsync();
        return endpoint;
    }

    /// <summary>What was met with silence is answered now, and all that comes.</summary>
    public void Release(int status)
    {
        Mood = status;
        _release.SetResult(status);
    }

    public async ValueTask DisposeAsync()
    {
        _closing.TrySetResult();
        await _app.DisposeAsync();
    }

    private async Task TakeAsync(HttpContext http, string address)
    {
        using var body = new StreamReader(http.Request.Body);
        await body.ReadToEndAsync();
        var id = http.Request.Headers["message-id"].ToString();
        var (status, retryAfter) = Mood != 0 ? (Mood, 0) : Behaviour(address, _seen.AddOrUpdate(id, 1, (_, times) => times + 1));
        Receipts.Enqueue(new Receipt(DateTimeOffset.UtcNow, id, address, uint.Parse(http.Request.Headers["attempt"].ToString(), CultureInfo.InvariantCulture), status));
        switch (status)
        {
            case -1:
                await Task.WhenAny(_closing.Task, _release.Task, Task.Delay(Timeout.Infinite, http.RequestAborted));
                if (_release.Task.IsCompletedSuccessfully)
                {
                    http.Response.StatusCode = _release.Task.Result;
                }

                break;
            case -2:
                http.Abort();
                break;
            default:
                if (address.StartsWith("slow-", StringComparison.Ordinal))
                {
                    await Task.Delay(200);
                }

                http.Response.StatusCode = status;
                if (retryAfter > 0)
                {
                    http.Response.Headers.RetryAfter = retryAfter.ToString(CultureInfo.InvariantCulture);
                }

                break;
        }
    }

    private static (int Status, int RetryAfter) Behaviour(string address, int times)
    {
        var parts = address.Split('-');
        return parts[0] switch
        {
            "retry" when times <= int.Parse(parts[1], CultureInfo.InvariantCulture) => (503, 0),
            "after" when times == 1 => (429, int.Parse(parts[1], CultureInfo.InvariantCulture)),
            "dead" => (410, 0),
            "mended" when times == 1 => (403, 0),
            "cut" => (-2, 0),
            "hang" => (-1, 0),
            _ => (200, 0),
        };
    }
}
