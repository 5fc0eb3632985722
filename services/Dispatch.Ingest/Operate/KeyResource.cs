using System.Text;
using System.Text.Json;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Json;
using Dispatch.Store.Control;
using Dispatch.Store.Keys;

namespace Dispatch.Ingest.Operate;

/// <param name="Key">What callers send. In the answer to the call that made it, and never again: only its hash is kept.</param>
sealed record KeyAnswer(
    string Id, string Tenant, string Name, string Environment, IReadOnlyList<string> Scopes, int ItemsPerMinute, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt, string? Key);

sealed class KeyDraft
{
    public string? Tenant { get; set; }

    public string Name { get; set; } = "";

    public string Environment { get; set; } = "live";

    public Scopes Scopes { get; set; }

    public int ItemsPerMinute { get; set; }

    public DateTimeOffset? ExpiresAt { get; set; }
}

/// <summary>`/v1/operate/keys`. A key that was made or revoked holds on every instance within five seconds.</summary>
sealed class KeyResource(KeyStore keys, ControlStore control, Replays replays, TimeProvider clock)
{
    private const int BodyBytesMax = 16 * 1_024;
    private static readonly IReadOnlyList<(string Word, string Value)> Environments = [("live", "live"), ("test", "test")];

    public static readonly Shape<KeyDraft> New = new("ApiKey", "A key of a tenant. Two may live side by side, so that one can replace the other.",
    [
        new TextField<KeyDraft>("name", "For people: who uses it.", (it, value) => it.Name = value) { LengthMax = 100, Required = true },
        new ChoicesField<KeyDraft, Scopes>("scopes", "What it may do. A key for apps has events:write alone.", ScopeWords.Choices, (it, value) => it.Scopes |= value) { Required = true },
        new TextField<KeyDraft>("tenant", "Whose it is; the caller's, if left out.", (it, value) => it.Tenant = value) { LengthMax = 64, Rule = Texts.IsWord },
        new ChoiceField<KeyDraft, string>("environment", "Stands in its text, for people.", Environments, (it, value) => it.Environment = value),
        new WholeField<KeyDraft>("items_per_minute", "Messages and events that it may post; 0: as many as the deployment allows.", 0, int.MaxValue, (it, value) => it.ItemsPerMinute = (int)value),
        new TimeField<KeyDraft>("expires_at", "Until when it opens anything; without it, until it is revoked.", (it, value) => it.ExpiresAt = value),
    ]);

    public async Task ListAsync(Call call)
    {
        var query = new Query(call.Http, Parameter.Paging);
        var (cursor, pageSize) = (query.Cursor(KeyText.IdLength), query.PageSize());
        query.Check();
        var all = (await keys.AllAsync(call.Aborted)).OrderByDescending(key => key.CreatedAt).ThenBy(key => key.Id, StringComparer.Ordinal).ToList();
        var from = cursor is null ? 0 : all.FindIndex(key => key.Id == Encoding.ASCII.GetString(cursor)) + 1; // keys are never deleted
        await Answer.JsonAsync(
            call.Http, 200, Page.Of([.. all.Skip(from).Take(pageSize + 1)], pageSize, key => AnswerFor(key), key => Encoding.ASCII.GetBytes(key.Id)), WireJson.Default.PageKeyAnswer);
    }

    public async Task CreateAsync(Call call)
    {
        using var body = await Body.ReadJsonAsync(call.Http, BodyBytesMax);
        var now = clock.GetUtcNow();
        var draft = JsonBody.Read(body.Bytes, New, new KeyDraft(), (it, faults) =>
        {
            if (it.ExpiresAt <= now)
            {
                faults.Add("expires_at", "in_the_past", "must lie in the future");
            }
        });
        await replays.RunAsync(call, body.Bytes, async () =>
        {
            var (key, text) = await keys.CreateAsync(
                draft.Tenant ?? call.Tenant, draft.Name, draft.Environment, draft.Scopes, now, draft.ExpiresAt, draft.ItemsPerMinute, call.Aborted);
            await AuditAsync(call, "key.create", key);
            return Made.Of(201, AnswerFor(key, text), WireJson.Default.KeyAnswer) with { Kept = Bytes(key) };
        });
    }

    public async Task RevokeAsync(Call call)
    {
        var id = (string?)call.Http.Request.RouteValues["id"];
        var (now, all) = (clock.GetUtcNow(), await keys.AllAsync(call.Aborted));
        var key = all.Find(it => it.Id == id) ?? throw new RefusedException(Problem.NotFound("key"));
        if (key.Scopes.HasFlag(Scopes.Operate) && !all.Exists(it => it != key && it.Scopes.HasFlag(Scopes.Operate) && it.RevokedAt is null && !(it.ExpiresAt <= now)))
        {
            throw new RefusedException(Problem.LastKey);
        }

        if (await keys.RevokeAsync(key.Tenant, key.Id, now, call.Aborted))
        {
            await AuditAsync(call, "key.revoke", key);
        }

        call.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private Task AuditAsync(Call call, string what, ApiKey key) =>
        control.AuditAsync(clock.GetUtcNow(), call.Key.Id, what, Encoding.UTF8.GetString(Bytes(key)), CancellationToken.None);

    /// <summary>Without its text: neither the store nor the audit learns that.</summary>
    private static byte[] Bytes(ApiKey key) => JsonSerializer.SerializeToUtf8Bytes(AnswerFor(key), WireJson.Default.KeyAnswer);

    private static KeyAnswer AnswerFor(ApiKey key, string? text = null) => new(
        key.Id, key.Tenant, key.Name, key.Environment, ScopeWords.Of(key.Scopes), key.ItemsPerMinute, key.CreatedAt, key.ExpiresAt, key.RevokedAt, text);
}
