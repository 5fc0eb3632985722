using Dispatch.Testing;

namespace Dispatch.Ingest.Tests;

/// <summary>`/v1/operate/keys`.</summary>
public sealed class KeyCallsTests : IAsyncLifetime
{
    private const string Path = "/v1/operate/keys";
    private TestDatabase _database = null!;
    private IngestHost _host = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresServer.CreateDatabaseAsync();
        _host = await IngestHost.StartAsync(_database.ConnectionString);
        await Eventually.HoldsAsync(async () => (await _host.GetAsync(Path)).Json["items"]?.AsArray().Count == 1); // the first key
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task A_key_that_was_made_opens_what_it_may_and_nothing_after_it_was_revoked()
    {
        var made = await _host.PostAsync(Path, """{ "name": "shop", "tenant": "acme", "scopes": [ "send:email", "read" ], "items_per_minute": 100 }""");
        made.Status.ShouldBe(201, made.Text);
        using var client = _host.Client((string)made.Json["key"]!);
        await Eventually.HoldsAsync(async () => (await _host.GetAsync("/v1/messages", client)).Status == 200);
        (await _host.PostAsync("/v1/messages", Posts.Fine, with: client)).Status.ShouldBe(202);
        (await _host.GetAsync(Path, client)).Code.ShouldBe("missing_scope");

        (await DeleteAsync((string)made.Json["id"]!)).Status.ShouldBe(204);
        await Eventually.HoldsAsync(async () => (await _host.GetAsync("/v1/messages", client)).Code == "key_revoked");
        (await DeleteAsync((string)made.Json["id"]!)).Status.ShouldBe(204);
    }

    [Fact]
    public async Task Its_text_is_told_once_and_kept_nowhere()
    {
        const string Body = """{ "name": "app", "scopes": [ "events:write" ], "environment": "test", "expires_at": "2099-01-01T00:00:00Z" }""";
        var made = await _host.PostAsync(Path, Body, "make-it-once");
        var text = (string)made.Json["key"]!;
        text.ShouldStartWith("dsp_test_");

        var again = await _host.PostAsync(Path, Body, "make-it-once");
        (again.Status, again.Header("Idempotent-Replayed")).ShouldBe((201, "true"));
        again.Json["id"]!.ToString().ShouldBe(made.Json["id"]!.ToString());
        again.Json.AsObject().ContainsKey("key").ShouldBeFalse();

        var listed = await _host.GetAsync(Path);
        listed.Json["items"]!.AsArray().Count.ShouldBe(2);
        listed.Json["items"]![0]!["scopes"]!.ToJsonString().ShouldBe("""["events:write"]""");
        var secret = text[(text.LastIndexOf('_') + 1)..];
        listed.Text.ShouldNotContain(secret);
        (await _database.ScalarAsync<long>("select count(*) from control.audit where what = 'key.create'")).ShouldBe(1);
        (await _database.ScalarAsync<long>($"select count(*) from control.audit where detail::text like '%{secret}%'")).ShouldBe(0);
        await Eventually.HoldsAsync(async () => await _database.ScalarAsync<long>("select count(*) from idempotency where answer is not null") == 1);
        (await _database.ScalarAsync<long>($"select count(*) from idempotency where convert_from(answer, 'UTF8') like '%{secret}%'")).ShouldBe(0);
    }

    [Fact]
    public async Task Keys_are_listed_page_by_page()
    {
        for (var i = 0; i < 4; i++)
        {
            (await _host.PostAsync(Path, $$"""{ "name": "{{i}}", "scopes": [ "read" ] }""")).Status.ShouldBe(201);
        }

        var first = await _host.GetAsync($"{Path}?page_size=3");
        var second = await _host.GetAsync($"{Path}?page_size=3&cursor={first.Json["next_cursor"]}");
        first.Json["items"]!.AsArray().Concat(second.Json["items"]!.AsArray()).Select(it => (string)it!["name"]!).Take(4).ShouldBe(["3", "2", "1", "0"]);
        second.Json["items"]!.AsArray().Count.ShouldBe(2);
        second.Json.AsObject().ContainsKey("next_cursor").ShouldBeFalse();
    }

    [Fact]
    public async Task The_last_key_that_may_operate_stays_until_it_has_a_successor()
    {
        var only = (string)(await _host.GetAsync(Path)).Json["items"]![0]!["id"]!;
        var refused = await DeleteAsync(only);
        (refused.Status, refused.Code).ShouldBe((409, "last_operate_key"));

        (await _host.PostAsync(Path, """{ "name": "successor", "scopes": [ "operate" ] }""")).Status.ShouldBe(201);
        (await DeleteAsync(only)).Status.ShouldBe(204);
    }

    [Theory]
    [InlineData("""{ "scopes": [ "read" ] }""", "/name", "required")]
    [InlineData("""{ "name": "n" }""", "/scopes", "required")]
    [InlineData("""{ "name": "n", "scopes": [ "root" ] }""", "/scopes/0", "not_a_choice")]
    [InlineData("""{ "name": "n", "scopes": [ "read" ], "expires_at": "2020-01-01T00:00:00Z" }""", "/expires_at", "in_the_past")]
    [InlineData("""{ "name": "n", "scopes": [ "read" ], "tenant": "a b" }""", "/tenant", "invalid_characters")]
    [InlineData("""{ "name": "n", "scopes": [ "read" ], "items_per_minute": -1 }""", "/items_per_minute", "out_of_range")]
    public async Task What_is_wrong_with_a_new_key_is_said(string body, string pointer, string code)
    {
        var answer = await _host.PostAsync(Path, body);
        (answer.Status, answer.Json["errors"]![0]!["pointer"]!.ToString(), answer.Json["errors"]![0]!["code"]!.ToString()).ShouldBe((400, pointer, code), answer.Text);
        (await _host.GetAsync(Path)).Json["items"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_key_that_nobody_knows_cannot_be_revoked() => (await DeleteAsync("NOSUCHKEY000")).Status.ShouldBe(404);

    private async Task<Answered> DeleteAsync(string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, $"{Path}/{id}");
        return await _host.SendAsync(request);
    }
}
