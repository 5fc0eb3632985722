using System.Collections.Concurrent;
using System.Collections.Frozen;
using Dispatch.Ingest.Http;
using Dispatch.Store;
using Dispatch.Store.Keys;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dispatch.Ingest.Auth;

/// <summary>
/// All API keys, in memory. Promise: a call is checked without asking anybody, and a process that starts while the store is away knows the keys that it knew before.
/// A change in the store holds here within five seconds.
/// </summary>
sealed class KeyRing(KeyStore store, KeySnapshot snapshot, FirstKey first, TimeProvider clock, ILogger<KeyRing> log) : BackgroundService, IHealthCheck
{
    private const string Scheme = "Bearer ";
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan UseInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _used = new();
    private FrozenDictionary<string, ApiKey> _keys = FrozenDictionary<string, ApiKey>.Empty;
    private bool _fromStore;

    /// <summary>Without a key nobody can be let in: callers are better served by another instance.</summary>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        _keys.Count > 0 || _fromStore ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("no key is known yet: the store is away, and there is no snapshot"));

    /// <exception cref="RefusedException">401, with the reason.</exception>
    public ApiKey Open(HttpContext http)
    {
        var header = http.Request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusedException(Problem.Unauthenticated(header.Count == 0
                ? "Send Authorization: Bearer dsp_..."
                : "The Authorization field holds exactly one API key: Bearer dsp_..."));
        }

        if (!KeyText.TryParse(text.AsSpan(Scheme.Length).Trim(), out var environment, out var id, out var secret))
        {
            throw new RefusedException(Problem.Unauthenticated("This is no API key, or it was not copied whole."));
        }

        var keys = Volatile.Read(ref _keys).GetAlternateLookup<ReadOnlySpan<char>>();
        if (!keys.TryGetValue(id, out var key) || !key.Opens(secret) || !environment.SequenceEqual(key.Environment))
        {
            throw new RefusedException(Problem.Unauthenticated("The API key is not known."));
        }

        // Only who has the secret learns that the key once was good.
        var now = clock.GetUtcNow();
        if (key.RevokedAt is not null)
        {
            throw new RefusedException(Problem.KeyRevoked);
        }

        if (key.ExpiresAt <= now)
        {
            throw new RefusedException(Problem.KeyExpired);
        }

        if (!_used.TryGetValue(key.Id, out var last) || now - last > UseInterval)
        {
            _used[key.Id] = now;
        }

        return key;
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        var (keys, at) = snapshot.Read();
        var own = first.MakeOrRead();
        Hold(own is null || keys.Any(key => key.Id == own.Id) ? keys : [.. keys, own]);
        if (at is { } written)
        {
            log.KeysFromSnapshot(written, "the store has not been asked yet");
        }

        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var written = DateTimeOffset.MinValue;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(stoppingToken);
                if (!_used.IsEmpty && clock.GetUtcNow() - written > UseInterval)
                {
                    await store.UsedAsync(_used.ToDictionary(), stoppingToken);
                    written = clock.GetUtcNow();
                }
            }
            catch (Exception e) when (StoreFault.IsUnavailable(e))
            {
                if (_fromStore)
                {
                    _fromStore = false;
                    log.KeysFromSnapshot(clock.GetUtcNow(), e.Message);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(_fromStore ? PollInterval : TimeSpan.FromSeconds(1), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(CancellationToken stop)
    {
        if (!_fromStore && first.MakeOrRead() is { } own)
        {
            await store.AddAsync(own, stop);
        }

        var keys = await store.AllAsync(stop);
        if (!_fromStore)
        {
            _fromStore = true;
            log.KeysFromStore(keys.Count);
        }

        Hold(keys);
        snapshot.Write(keys, clock.GetUtcNow());
    }

    private void Hold(IEnumerable<ApiKey> keys) => Volatile.Write(ref _keys, keys.ToFrozenDictionary(key => key.Id));
}
