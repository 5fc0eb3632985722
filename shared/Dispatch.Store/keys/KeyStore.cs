using Npgsql;
using NpgsqlTypes;

namespace Dispatch.Store.Keys;

/// <summary>The table of API keys. Services do not ask it per call: they hold a snapshot, and keep it on disk for the day when the store is away.</summary>
public sealed class KeyStore(Database database)
{
    /// <summary>All keys of the deployment, those that were revoked among them, so that a snapshot can say so.</summary>
    public async Task<List<ApiKey>> AllAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("keys/all").ListAsync(Key, stop);
    }

    /// <summary>Makes a key. The text is shown once: only its hash is kept.</summary>
    public async Task<(ApiKey Key, string Text)> CreateAsync(
        string tenant, string name, string environment, Scopes scopes, DateTimeOffset now, DateTimeOffset? expiresAt, int itemsPerMinute, CancellationToken stop)
    {
        var (id, secret, text) = KeyText.Make(environment);
        var key = new ApiKey(id, tenant, name, environment, scopes, KeyText.Hash(secret), now, expiresAt, null, itemsPerMinute);
        await AddAsync(key, stop);
        return (key, text);
    }

    /// <summary>A key that is there already stays as it is: a revoked one is not brought back.</summary>
    public async Task AddAsync(ApiKey key, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        await connection.Statement("keys/add")
            .Add(key.Id).Add(key.Tenant).Add(key.Name).Add(key.Environment).Add(ScopeWords.Of(key.Scopes)).Add(key.SecretHash)
            .Add(key.CreatedAt).AddNullable(key.ExpiresAt?.UtcDateTime, NpgsqlDbType.TimestampTz).Add(key.ItemsPerMinute)
            .ExecuteAsync(stop);
    }

    /// <returns>false: no such key, or revoked before.</returns>
    public async Task<bool> RevokeAsync(string tenant, string id, DateTimeOffset now, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        return await connection.Statement("keys/revoke").Add(tenant).Add(id).Add(now).ExecuteAsync(stop) == 1;
    }

    /// <summary>When keys were last used, to the minute or so: many at once, rarely.</summary>
    public async Task UsedAsync(IReadOnlyDictionary<string, DateTimeOffset> uses, CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        await connection.Statement("keys/used").Add([.. uses.Keys]).Add([.. uses.Values.Select(at => at.UtcDateTime)]).ExecuteAsync(stop);
    }

    private static ApiKey Key(NpgsqlDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), ScopeWords.Parse(row.GetFieldValue<string[]>(4)), row.GetFieldValue<byte[]>(5),
        row.GetFieldValue<DateTimeOffset>(6), row.IsDBNull(7) ? null : row.GetFieldValue<DateTimeOffset>(7), row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8),
        row.GetInt32(9));
}
