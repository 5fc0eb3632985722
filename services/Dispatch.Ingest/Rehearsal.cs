using System.Globalization;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Messages;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest;

/// <summary>
/// Before callers are sent here, goes the way of their calls, up to where something would become durable, and back. What is compiled and connected on it would else be waited for by the first of
/// them, and in a release that is everybody. A courtesy: it leaves nothing behind, and whatever becomes of it, after a while callers are let in.
/// </summary>
sealed class Rehearsal(PostMessages messages, Door door, IServer server, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<Rehearsal> log) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StorePatience = TimeSpan.FromSeconds(2); // one that is away need not be rehearsed with
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private static readonly byte[] Body = """
        {
          "class": "transactional",
          "recipients": [ { "user_id": "rehearsal", "email": "rehearsal@example.org", "phone": "+4915112345678", "variables": { "name": "R" } } ],
          "content": {
            "email": { "from": "Rehearsal <rehearsal@example.org>", "subject": "{{name}}", "text": "{{name}}" },
            "sms": { "from": "R", "text": "{{name}}" }
          }
        }
        """u8.ToArray();

    private volatile string? _outcome;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_outcome is { } outcome ? HealthCheckResult.Healthy(outcome) : HealthCheckResult.Unhealthy("calls are being rehearsed"));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        enough.CancelAfter(Patience);
        try
        {
            var began = clock.GetTimestamp();
            while (!lifetime.ApplicationStarted.IsCancellationRequested || (door.BlindSince is not null && clock.GetElapsedTime(began) < StorePatience))
            {
                await Task.Delay(Look, clock, enough.Token);
            }

            await Task.WhenAll(CallAsync(enough.Token), messages.RehearseAsync(Body).WaitAsync(enough.Token));
            _outcome = string.Create(CultureInfo.InvariantCulture, $"calls were rehearsed in {clock.GetElapsedTime(began).TotalMilliseconds:0} ms");
        }
        catch (Exception e) when (e is not OutOfMemoryException) // whatever it is, a caller will hear of it better
        {
            log.NotRehearsed(e.Message);
            _outcome = $"calls could not be rehearsed: {e.Message}";
        }
    }

    /// <summary>What a server does with any call at all; nothing of ours is there.</summary>
    private async Task CallAsync(CancellationToken stop)
    {
        using var direct = new SocketsHttpHandler { UseProxy = false };
        using var http = new HttpClient(direct);
        foreach (var address in server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
        {
            using var answer = await http.GetAsync(new UriBuilder(address.Replace("//[::]", "//localhost", StringComparison.Ordinal)) { Path = "/rehearsal" }.Uri, stop);
        }
    }
}
