using Dispatch.Contracts;
using Dispatch.Store.Keys;
using Dispatch.Testing;

namespace Dispatch.Ingest.Tests;

public sealed class KeyTests : IAsyncLifetime
{
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresServer.CreateDatabaseAsync();

    public Task DisposeAsync() => _database.DisposeAsync().AsTask();

    [Fact]
    public void Text_has_prefix_and_checksum_and_mistypes_are_found_without_asking()
    {
        var (id, secret, text) = KeyText.Make("live");

        KeyText.TryParse(text, out var environment, out var parsedId, out var parsedSecret).ShouldBeTrue();
        (environment.ToString(), parsedId.ToString(), parsedSecret.ToString()).ShouldBe(("live", id, secret));
        for (var i = 0; i < text.Length; i++)
        {
            var mistyped = text.ToCharArray();
            mistyped[i] = mistyped[i] == '7' ? '8' : '7';
            KeyText.TryParse(mistyped, out _, out _, out _).ShouldBeFalse($"character {i}");
        }

        Enumerable.Range(0, 1_000).Select(_ => KeyText.Make("live").Text).ShouldBeUnique();
    }

    [Fact]
    public async Task First_key_is_for_its_owner_only_and_opens_without_a_store()
    {
        await using var host = await IngestHost.StartAsync(null);

        File.GetUnixFileMode(Path.Combine(host.Folder.Path, "secrets", "first-key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.GetUnixFileMode(Path.Combine(host.Folder.Path, "secrets", "recipient-key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await host.PostAsync("/v1/messages", Posts.Fine)).Status.ShouldBe(202);
        (await host.GetAsync("/v1/messages")).Status.ShouldBe(503);
    }

    [Fact]
    public async Task A_cold_start_without_store_knows_the_keys_of_before()
    {
        using var folder = new TempFolder();
        string text;
        await using (var host = await IngestHost.StartAsync(_database.ConnectionString, folder))
        {
            text = await KeyAsync(host, Scopes.SendEmail);
        }

        await using var cold = await IngestHost.StartAsync(null, folder);
        using var client = cold.Client(text);
        (await cold.PostAsync("/v1/messages", Posts.Fine, with: client)).Status.ShouldBe(202);
    }

    [Theory]
    [InlineData(Scopes.SendSms, 403, "missing_scope")]
    [InlineData(Scopes.EventsWrite, 403, "missing_scope")]
    [InlineData(Scopes.Read | Scopes.Operate, 403, "missing_scope")]
    [InlineData(Scopes.SendEmail, 202, null)]
    public async Task Scopes_say_what_may_be_sent(Scopes scopes, int status, string? code)
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        using var client = host.Client(await KeyAsync(host, scopes));

        var answer = await host.PostAsync("/v1/messages", Posts.Fine, with: client);

        answer.Status.ShouldBe(status, answer.Text);
        answer.Code.ShouldBe(code);
        (await host.CountAsync()).ShouldBe(status == 202 ? 1 : 0);
    }

    [Fact]
    public async Task A_public_key_writes_events_and_nothing_else()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        using var client = host.Client(await KeyAsync(host, Scopes.EventsWrite));

        (await host.PostAsync("/v1/events", $$"""{ "events": [ { "event_id": "e", "user_id": "u", "name": "n", "at": "{{Posts.Ago(0)}}" } ] }""", with: client)).Status.ShouldBe(202);
        foreach (var path in new[] { "/v1/messages", "/v1/stats", "/v1/caps", "/v1/suppressions", "/v1/operate/modes", "/v1/operate/quarantine", "/v1/operate/held", "/v1/operate/keys" })
        {
            (await host.GetAsync(path, client)).Code.ShouldBe("missing_scope", path);
        }
    }

    [Fact]
    public async Task Expired_and_revoked_keys_open_nothing_and_say_why()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        using var expired = host.Client(await KeyAsync(host, Scopes.All, expiresAt: DateTimeOffset.UtcNow.AddMinutes(-1)));
        using var revoked = host.Client(await KeyAsync(host, Scopes.All, revoke: true));

        (await host.PostAsync("/v1/messages", Posts.Fine, with: expired)).Code.ShouldBe("key_expired");
        (await host.PostAsync("/v1/messages", Posts.Fine, with: revoked)).Code.ShouldBe("key_revoked");
        (await host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_first_key_that_was_revoked_stays_revoked_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var host = await IngestHost.StartAsync(_database.ConnectionString, folder))
        {
            KeyText.TryParse(host.Key, out _, out var id, out _).ShouldBeTrue();
            await new KeyStore(_database.Database).RevokeAsync("default", id.ToString(), DateTimeOffset.UtcNow, CancellationToken.None);
            await Eventually.HoldsAsync(async () => (await host.GetAsync("/v1/status")).Code == "key_revoked");
        }

        await using var again = await IngestHost.StartAsync(_database.ConnectionString, folder);
        (await again.GetAsync("/v1/status")).Code.ShouldBe("key_revoked");
    }

    [Fact]
    public async Task A_key_beyond_its_rate_waits_and_is_told_how_long()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        using var client = host.Client(await KeyAsync(host, Scopes.All, itemsPerMinute: 2));

        var first = await host.PostAsync("/v1/messages", Posts.Fine, with: client);
        first.Status.ShouldBe(202);
        first.Header("RateLimit-Policy").ShouldBe("\"items\";q=2;w=60");
        first.Header("RateLimit").ShouldStartWith("\"items\";r=1;t=");
        (await host.PostAsync("/v1/messages", Posts.Fine, with: client)).Status.ShouldBe(202);
        var third = await host.PostAsync("/v1/messages", Posts.Fine, with: client);
        third.Status.ShouldBe(429);
        third.Code.ShouldBe("rate_limited");
        int.Parse(third.Header("Retry-After"), null).ShouldBeInRange(1, 30);
        (await host.RequestsAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task When_a_key_was_used_is_known_without_a_write_per_call()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        await host.PostAsync("/v1/messages", Posts.Fine);

        await Eventually.HoldsAsync(async () => await _database.ScalarAsync<long>("select count(*) from api_keys where last_used_at is not null") == 1);
    }

    [Fact]
    public async Task Tenants_do_not_see_one_another()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        using var stranger = host.Client(await KeyAsync(host, Scopes.All, tenant: "acme"));
        var mine = await host.PostAsync("/v1/messages", Posts.Fine, "shared-key");
        var message = (string)mine.Json["messages"]![0]!["message_id"]!;
        var cap = (string)(await host.PostAsync("/v1/caps", """{ "kind": "global", "classes": [ "campaign" ], "limit": 3, "window_seconds": 60 }""")).Json["id"]!;
        var suppression = (string)(await host.PostAsync("/v1/suppressions", """{ "email": "eve@example.org", "reason": "asked" }""")).Json["id"]!;

        (await host.GetAsync($"/v1/messages/{message}")).Status.ShouldBe(200);
        (await host.GetAsync($"/v1/messages/{message}", stranger)).Status.ShouldBe(404);
        (await host.GetAsync($"/v1/requests/{mine.Json["request_id"]}", stranger)).Status.ShouldBe(404);
        (await host.PostAsync($"/v1/requests/{mine.Json["request_id"]}/cancel", "", with: stranger)).Status.ShouldBe(404);
        (await host.GetAsync($"/v1/caps/{cap}", stranger)).Status.ShouldBe(404);
        (await DeleteAsync($"/v1/caps/{cap}")).Status.ShouldBe(404);
        (await DeleteAsync($"/v1/suppressions/{suppression}")).Status.ShouldBe(404);
        (await host.GetAsync("/v1/caps", stranger)).Json["items"]!.AsArray().ShouldBeEmpty();
        (await host.GetAsync("/v1/suppressions", stranger)).Json["items"]!.AsArray().ShouldBeEmpty();

        // The same key and body of another tenant is another request, for another recipient key.
        var theirs = await host.PostAsync("/v1/messages", Posts.Fine, "shared-key", stranger);
        theirs.Status.ShouldBe(202);
        theirs.Header("Idempotent-Replayed").ShouldBeEmpty();
        var requests = await host.RequestsAsync();
        requests.Select(it => it.Tenant).Order().ShouldBe(["acme", "default"]);
        requests.Select(it => it.RequestId).ShouldBeUnique();
        requests.Select(it => it.Recipients[0].RecipientKey).ShouldBeUnique();

        async Task<Answered> DeleteAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, path);
            return await host.SendAsync(request, stranger);
        }
    }

    private async Task<string> KeyAsync(
        IngestHost host, Scopes scopes, string tenant = "default", DateTimeOffset? expiresAt = null, bool revoke = false, int itemsPerMinute = 0)
    {
        var now = DateTimeOffset.UtcNow;
        var store = new KeyStore(_database.Database);
        var (key, text) = await store.CreateAsync(tenant, "test", "test", scopes, now.AddDays(-1), expiresAt, itemsPerMinute, CancellationToken.None);
        if (revoke)
        {
            await store.RevokeAsync(tenant, key.Id, now, CancellationToken.None);
        }

        using var client = host.Client(text);
        await Eventually.HoldsAsync(async () => (await host.GetAsync("/v1/status", client)).Code != "unauthenticated");
        return text;
    }
}
