using System.Collections.Concurrent;
using System.Globalization;
using Dispatch.Ingest.Http;
using Dispatch.Store.Keys;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Auth;

/// <summary>
/// Items a minute for each key, as a bucket that fills evenly: a burst of one minute's worth, then the rate. Each instance counts for itself.
/// Answers carry RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10), for keys that have a limit.
/// </summary>
sealed class RateLimits(IOptions<IngestOptions> options, TimeProvider clock)
{
    private const double Window = 60;
    private readonly ConcurrentDictionary<string, Bucket> _buckets = new();

    /// <exception cref="RefusedException">429; nothing was taken.</exception>
    public void Take(HttpContext http, ApiKey key, int items)
    {
        var perMinute = key.ItemsPerMinute > 0 ? key.ItemsPerMinute : options.Value.ItemsPerMinute;
        if (perMinute == 0)
        {
            return;
        }

        var (left, wait) = _buckets.GetOrAdd(key.Id, static (_, full) => new Bucket(full.perMinute, full.now), (perMinute, now: clock.GetTimestamp()))
            .Take(items, perMinute, clock);
        var headers = http.Response.Headers;
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"items\";q={perMinute};w={Window:0}");
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"items\";r={left};t={Math.Ceiling((perMinute - left) * Window / perMinute):0}");
        if (wait > 0)
        {
            throw new RefusedException(items > perMinute
                ? new Problem(413, "too_large", "More items than the key's rate", $"One call has at most {perMinute} items with this key.")
                : Problem.RateLimited(wait));
        }
    }

    private sealed class Bucket(double tokens, long at)
    {
        private readonly Lock _gate = new();
        private double _tokens = tokens;
        private long _at = at;

        /// <returns>Whole items left, and the seconds to wait; 0: taken.</returns>
        public (int Left, int Wait) Take(int items, int perMinute, TimeProvider clock)
        {
            lock (_gate)
            {
                var now = clock.GetTimestamp();
                _tokens = Math.Min(perMinute, _tokens + (clock.GetElapsedTime(_at, now).TotalSeconds * perMinute / Window));
                _at = now;
                if (_tokens < items)
                {
                    return ((int)_tokens, Math.Max(1, (int)Math.Ceiling((items - _tokens) * Window / perMinute)));
                }

                _tokens -= items;
                return ((int)_tokens, 0);
            }
        }
    }
}
