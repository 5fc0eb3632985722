using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Dispatch.Push.Apns;

/// <summary>
/// The provider tokens of one (team, key), shared by all lanes that use it: Apple counts the tokens of a team, over all its connections.
/// Promise: the token that is handed out is younger than an hour as long as the key can be read, no two are made within 20 min unless Apple itself calls one
/// expired, and none while Apple says that there were too many.
/// </summary>
sealed class ApnsTokens(string team, string keyId, string keyFile, TimeSpan renewAfter, TimeProvider clock, ILogger<ApnsTokens> log)
{
    /// <summary>Apple's least distance between two tokens, and how long to hold back after TooManyProviderTokenUpdates.</summary>
    public static readonly TimeSpan Distance = TimeSpan.FromMinutes(20);

    private static readonly TimeSpan AgeMax = TimeSpan.FromMinutes(60);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private volatile ApnsToken? current;
    private ApnsToken? previous;
    private DateTimeOffset notBefore = DateTimeOffset.MinValue; // Apple said: too many
    private DateTimeOffset replacedAt = DateTimeOffset.MinValue; // out of turn, because Apple called one expired
    private DateTimeOffset lookAt = DateTimeOffset.MinValue;
    private DateTime keyChangedAt;

    /// <summary>Null: the key cannot be read; it is looked at again every few seconds.</summary>
    public ApnsToken? Current()
    {
        var now = clock.GetUtcNow();
        if (current is { } token && now < lookAt && now - token.IssuedAt < renewAfter)
        {
            return token;
        }

        lock (gate)
        {
            if (now >= lookAt)
            {
                lookAt = now + LookEvery;
                var changedAt = File.GetLastWriteTimeUtc(keyFile);
                if (current is null || changedAt != keyChangedAt)
                {
                    keyChangedAt = changedAt;
                    Make(now, "new key");
                    return current;
                }
            }

            if (current is not null && now - current.IssuedAt >= renewAfter && now >= notBefore)
            {
                Make(now, "age");
            }

            return current;
        }
    }

    /// <summary>Apple calls this token expired.</summary>
    /// <returns>Whether another one is at hand now.</returns>
    public bool Replace(ApnsToken expired)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (current == expired && now >= notBefore && now - replacedAt >= Distance)
            {
                replacedAt = now;
                Make(now, "expired");
            }

            return current is not null && current != expired;
        }
    }

    /// <summary>Apple says that this team makes too many tokens: none is made for 20 min, and the one before this serves on while it is young enough.</summary>
    /// <returns>Whether another one is at hand now.</returns>
    public bool Keep(ApnsToken rejected)
    {
        var now = clock.GetUtcNow();
        lock (gate)
        {
            if (now >= notBefore)
            {
                notBefore = now + Distance;
                log.ProviderTokensHeld(team, notBefore);
            }

            if (current == rejected && previous is not null && now - previous.IssuedAt < AgeMax)
            {
                (current, previous) = (previous, null);
            }

            return current is not null && current != rejected;
        }
    }

    private void Make(DateTimeOffset now, string why)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(File.ReadAllText(keyFile));
            (previous, current) = (current, ApnsToken.Sign(key, team, keyId, now));
            PushMetrics.CredentialsRenewed.Add(1, new KeyValuePair<string, object?>("provider", "apns"));
            log.ProviderTokenMade(team, keyId, why);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            log.ProviderKeyUnreadable(team, keyId, e.GetType().Name); // its message may hold a path or a part of the file
        }
    }
}

/// <summary>All provider tokens of this process.</summary>
sealed class ApnsTokenBook(TimeProvider clock, ILogger<ApnsTokens> log)
{
    private readonly ConcurrentDictionary<(string Team, string Key), ApnsTokens> tokens = [];

    public ApnsTokens Of(ApnsOptions options) => tokens.GetOrAdd(
        (options.TeamId, options.KeyId), of => new ApnsTokens(of.Team, of.Key, options.KeyFile, options.RenewAfter, clock, log));
}
