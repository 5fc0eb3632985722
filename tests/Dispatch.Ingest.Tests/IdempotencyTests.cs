using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Ingest.Idempotency;
using Dispatch.Store.Keys;
using Dispatch.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatch.Ingest.Tests;

public sealed class IdempotencyTests : IAsyncLifetime
{
    private const string Messages = "/v1/messages";
    private TestDatabase _database = null!;

    public async Task InitializeAsync() => _database = await PostgresServer.CreateDatabaseAsync();

    public Task DisposeAsync() => _database.DisposeAsync().AsTask();

    [Fact]
    public async Task Five_times_the_same_is_one_message_and_one_answer()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);

        var first = await host.PostAsync(Messages, Posts.Fine, "k-1");
        first.Status.ShouldBe(202, first.Text);
        first.Header("Idempotent-Replayed").ShouldBeEmpty();
        for (var i = 0; i < 4; i++)
        {
            var again = await host.PostAsync(Messages, Posts.Fine, "k-1");
            again.Status.ShouldBe(202);
            again.Text.ShouldBe(first.Text);
            again.Header("Idempotent-Replayed").ShouldBe("true");
        }

        (await host.RequestsAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task At_once_one_is_accepted_and_the_others_wait_or_get_its_answer()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => host.PostAsync(Messages, Posts.Fine, "at-once")));

        answers.ShouldAllBe(it => it.Status == 202 || (it.Status == 409 && it.Code == "idempotency_running" && it.Header("Retry-After") == "1"));
        answers.Where(it => it.Status == 202).Select(it => it.Text).Distinct().ShouldHaveSingleItem();
        (await host.RequestsAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Two_instances_agree_on_one()
    {
        await using var one = await IngestHost.StartAsync(_database.ConnectionString);
        await using var other = await IngestHost.StartAsync(_database.ConnectionString); // a log of its own: only the store joins them
        using var client = other.Client(one.Key);
        await Eventually.HoldsAsync(async () => (await other.GetAsync("/v1/status", client)).Status == 200);

        foreach (var key in Enumerable.Range(0, 20).Select(it => $"both-{it}"))
        {
            var both = await Task.WhenAll(one.PostAsync(Messages, Posts.Fine, key), other.PostAsync(Messages, Posts.Fine, key, client));
            both.ShouldAllBe(it => it.Status == 202 || it.Status == 409);
            both.ShouldContain(it => it.Status == 202);
            both.Where(it => it.Status == 202).Select(it => (string)it.Json["request_id"]!).Distinct().ShouldHaveSingleItem();
        }

        ((await one.RequestsAsync()).Count + (await other.RequestsAsync()).Count).ShouldBe(20);
    }

    [Fact]
    public async Task Another_body_under_the_key_is_a_conflict()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        (await host.PostAsync(Messages, Posts.Fine, "k")).Status.ShouldBe(202);

        var other = await host.PostAsync(Messages, Posts.Fine + " ", "k");
        other.Status.ShouldBe(422);
        other.Code.ShouldBe("idempotency_conflict");
        (await host.CountAsync()).ShouldBe(1);
    }

    [Fact]
    public async Task Calls_of_one_kind_do_not_occupy_the_keys_of_another_nor_public_keys_those_of_the_tenant()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        var created = await host.Services.GetRequiredService<KeyStore>().CreateAsync("default", "app", "live", Scopes.EventsWrite, DateTimeOffset.UtcNow, null, 0, default);
        using var app = host.Client(created.Text);
        await Eventually.HoldsAsync(async () => (await host.GetAsync("/v1/status", app)).Status == 200);
        string Events(string id) => $$"""{ "events": [ { "event_id": "{{id}}", "user_id": "u", "name": "n", "at": "{{Posts.Ago(0)}}" } ] }""";

        (await host.PostAsync("/v1/events", Events("a"), "k", app)).Status.ShouldBe(202);
        (await host.PostAsync("/v1/events", Events("b"), "k", app)).Code.ShouldBe("idempotency_conflict");
        (await host.PostAsync("/v1/events", Events("c"), "k")).Status.ShouldBe(202);
        (await host.PostAsync(Messages, Posts.Fine, "k")).Status.ShouldBe(202);
        (await host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{Posts.Fine}} ] }""", "k")).Status.ShouldBe(202);
        (await host.CountAsync()).ShouldBe(4);
    }

    [Fact]
    public async Task What_is_refused_does_not_use_the_key_up()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);

        (await host.PostAsync(Messages, "{}", "k")).Status.ShouldBe(400);
        (await host.PostAsync(Messages, Posts.Fine, "k")).Status.ShouldBe(202);
    }

    [Fact]
    public async Task The_answer_survives_a_restart_also_with_its_rejections()
    {
        var body = JsonNode.Parse(Posts.Fine)!;
        body["recipients"]!.AsArray().Add((JsonNode)new JsonObject { ["phone"] = "nonsense" });
        using var folder = new TempFolder();
        Answered first, plain;
        await using (var host = await IngestHost.StartAsync(_database.ConnectionString, folder))
        {
            first = await host.PostAsync(Messages, body.ToJsonString(), "mixed");
            plain = await host.PostAsync(Messages, Posts.Fine, "plain");
            await SettledAsync(2);
        }

        await using var again = await IngestHost.StartAsync(_database.ConnectionString, folder);
        foreach (var (key, json, expected) in new[] { ("mixed", body.ToJsonString(), first), ("plain", Posts.Fine, plain) })
        {
            var answer = await again.PostAsync(Messages, json, key);
            answer.Text.ShouldBe(expected.Text);
            answer.Header("Idempotent-Replayed").ShouldBe("true");
        }

        (await again.RequestsAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_large_answer_is_given_again_though_memory_does_not_keep_it()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        var items = string.Join(',', Enumerable.Repeat(Posts.Fine, 20));
        var first = await host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{items}}, {} ] }""", "large");
        first.Status.ShouldBe(202, first.Text);
        await Eventually.HoldsAsync(async () => await _database.ScalarAsync<long>("select count(*) from idempotency where answer is not null") == 1);

        for (var i = 0; i < 3; i++)
        {
            var again = await host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{items}}, {} ] }""", "large");
            again.Text.ShouldBe(first.Text);
            again.Header("Idempotent-Replayed").ShouldBe("true");
        }

        var held = new HeldKey(Guid.NewGuid(), Guid.NewGuid(), DateTimeOffset.UtcNow);
        held.Settle(new StoredAnswer(202, new byte[2_000]));
        held.AnswerIsStored();
        held.Answer.ShouldBeNull();
        held.IsAnswerStored.ShouldBeTrue();
    }

    [Fact]
    public async Task A_key_whose_holder_died_is_taken_over_with_the_same_ids_and_a_mark()
    {
        // What a process leaves that dies between claim and append, or between append and settlement: a claimed row whose lease ends.
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        var key = KeyHash.OfKey(CallKind.Message, "default", "left");
        var body = KeyHash.OfBody(CallKind.Message, System.Text.Encoding.UTF8.GetBytes(Posts.Fine));
        var firstAt = new DateTimeOffset(DateTimeOffset.UtcNow.Date.AddDays(-1).AddHours(9), TimeSpan.Zero);
        await _database.ExecuteAsync(
            $"insert into idempotency (key, body, claim, created_at, lease_until) values ('{key}', '{body}', gen_random_uuid(), '{firstAt:O}', now() + interval '1 hour')");

        var early = await host.PostAsync(Messages, Posts.Fine, "left");
        early.Status.ShouldBe(409, early.Text);
        early.Code.ShouldBe("idempotency_running");

        await _database.ExecuteAsync("update idempotency set lease_until = now()");
        var answer = await host.PostAsync(Messages, Posts.Fine, "left");

        answer.Status.ShouldBe(202, answer.Text);
        var request = (await host.RequestsAsync()).ShouldHaveSingleItem();
        request.Day.ShouldBe(Id.DayOf(firstAt));
        request.RepeatSince.ShouldBe((firstAt - TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds());
        Id.From(request.RequestId.Span).ShouldBe(Id.Derive(Id.DayOf(firstAt), key.ToByteArray(bigEndian: true), body.ToByteArray(bigEndian: true)));
        (await host.PostAsync(Messages, Posts.Fine, "left")).Text.ShouldBe(answer.Text);
    }

    [Fact]
    public async Task Items_of_a_batch_have_keys_of_their_own()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        static string Item(string key, string to) => $$"""
            { "idempotency_key": "{{key}}", "class": "campaign", "recipients": [ { "email": "{{to}}" } ], "content": { "email": { "from": "a@example.org", "subject": "s", "text": "t" } } }
            """;

        var first = await host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{Item("a", "a@example.org")}}, {{Item("b", "b@example.org")}} ] }""");
        var second = await host.PostAsync(
            "/v1/messages/batch", $$"""{ "messages": [ {{Item("b", "b@example.org")}}, {{Item("a", "other@example.org")}}, {{Item("c", "c@example.org")}} ] }""");

        first.Status.ShouldBe(202, first.Text);
        second.Status.ShouldBe(202, second.Text);
        second.Json["items"]!.AsArray().Select(it => $"{it!["status"]} {it["code"]} {it["replayed"]}").ShouldBe(["accepted  true", "rejected idempotency_conflict ", "accepted  "]);
        ((string?)second.Json["items"]![0]!["request_id"]).ShouldBe((string?)first.Json["items"]![1]!["request_id"]);
        (await host.RequestsAsync(TrafficClass.Campaign)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_batch_with_a_key_is_answered_again_as_a_whole()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        var body = $$"""{ "messages": [ {{Posts.Fine}}, { "class": "x" }, {{Posts.Fine}} ] }""";

        var first = await host.PostAsync("/v1/messages/batch", body, "batch");
        var again = await host.PostAsync("/v1/messages/batch", body, "batch");

        first.Status.ShouldBe(202, first.Text);
        again.Text.ShouldBe(first.Text);
        again.Header("Idempotent-Replayed").ShouldBe("true");
        first.Json["items"]!.AsArray().Select(it => (string?)it!["request_id"]).Distinct().Count().ShouldBe(3); // two ids and a null
        (await host.RequestsAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task While_the_store_is_away_keys_are_deferred_and_written_when_it_is_back()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        (await host.PostAsync(Messages, Posts.Fine, "before")).Status.ShouldBe(202);
        await _database.SetAwayAsync(true);
        await Eventually.HoldsAsync(async () => (await host.PostAsync(Messages, Posts.Fine, $"probe-{Guid.NewGuid()}")).Header("Idempotency-Check") == "deferred");
        var since = host.Door.BlindSince!.Value;

        var away = await host.PostAsync(Messages, Posts.Fine, "away");
        away.Status.ShouldBe(202, away.Text);
        away.Header("Idempotency-Check").ShouldBe("deferred");
        var marked = (await host.RequestsAsync()).Single(it => Id.From(it.RequestId.Span).ToText(IdPrefix.Request) == (string?)away.Json["request_id"]);
        marked.RepeatSince.ShouldBe((since - TimeSpan.FromMinutes(16)).ToUnixTimeMilliseconds());

        // Its own memory still tells repeats and conflicts.
        (await host.PostAsync(Messages, Posts.Fine, "away")).Text.ShouldBe(away.Text);
        (await host.PostAsync(Messages, Posts.Fine, "before")).Header("Idempotent-Replayed").ShouldBe("true");
        (await host.PostAsync(Messages, Posts.Fine + " ", "away")).Code.ShouldBe("idempotency_conflict");
        (await host.GetAsync("/v1/status")).Json["degraded"]!.AsArray().Select(it => (string?)it!["what"]).ShouldContain("idempotency");

        await _database.SetAwayAsync(false);
        await Eventually.HoldsAsync(() => host.Door.BlindSince is null);
        var written = KeyHash.OfKey(CallKind.Message, "default", "away");
        (await _database.ScalarAsync<long>($"select count(*) from idempotency where key = '{written}'")).ShouldBe(1);
    }

    [Fact]
    public async Task Keys_that_were_deferred_are_known_to_another_instance_afterwards()
    {
        using var folder = new TempFolder();
        Answered away;
        await using (var host = await IngestHost.StartAsync(null, folder))
        {
            away = await host.PostAsync(Messages, Posts.Fine, "cold");
            away.Status.ShouldBe(202, away.Text);
            away.Header("Idempotency-Check").ShouldBe("deferred");
        }

        // A new process, without the memory of the old one, reads the key from the log before it checks anything.
        await using var again = await IngestHost.StartAsync(_database.ConnectionString, folder);
        var other = await again.PostAsync(Messages, Posts.Fine + " ", "cold");
        other.Code.ShouldBe("idempotency_conflict");
        var same = await again.PostAsync(Messages, Posts.Fine, "cold");
        same.Status.ShouldBe(202, same.Text);
        ((string?)same.Json["request_id"]).ShouldBe((string?)away.Json["request_id"]);
        (await again.RequestsAsync()).Where(it => it.RepeatSince == 0).ShouldBeEmpty(); // whatever went through twice is marked, so Router drops it
    }

    [Fact]
    public async Task Keys_that_a_crash_of_the_store_took_back_are_read_again_from_the_log()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        var first = await host.PostAsync(Messages, Posts.Fine, "lost");
        await SettledAsync(1);

        // The server crashes before its log reached the disk: the newest commits are gone, the connections too.
        await _database.ExecuteAsync("delete from idempotency; delete from idempotency_settled");
        await _database.SetAwayAsync(true);
        await _database.SetAwayAsync(false);
        await Eventually.HoldsAsync(async () =>
        {
            await host.PostAsync(Messages, Posts.Fine, $"probe-{Guid.NewGuid()}");
            return host.Door.BlindSince is null && await _database.ScalarAsync<long>($"select count(*) from idempotency where key = '{KeyHash.OfKey(CallKind.Message, "default", "lost")}'") == 1;
        });

        using var folder = new TempFolder();
        await using var other = await IngestHost.StartAsync(_database.ConnectionString, folder);
        using var client = other.Client(host.Key);
        await Eventually.HoldsAsync(async () => (await other.GetAsync("/v1/status", client)).Status == 200);
        ((string?)(await other.PostAsync(Messages, Posts.Fine, "lost", client)).Json["request_id"]).ShouldBe((string?)first.Json["request_id"]);
        (await other.RequestsAsync()).ShouldAllBe(it => it.RepeatSince > 0);
    }

    [Fact]
    public async Task Resources_answer_a_repeat_with_what_they_said_first()
    {
        await using var host = await IngestHost.StartAsync(_database.ConnectionString);
        const string Cap = """{ "kind": "global", "classes": [ "campaign" ], "limit": 3, "window_seconds": 86400 }""";

        var first = await host.PostAsync("/v1/caps", Cap, "cap");
        var again = await host.PostAsync("/v1/caps", Cap, "cap");

        first.Status.ShouldBe(201, first.Text);
        again.Status.ShouldBe(201);
        again.Text.ShouldBe(first.Text);
        (await host.GetAsync("/v1/caps")).Json["items"]!.AsArray().ShouldHaveSingleItem();
    }

    private Task SettledAsync(int count) => Eventually.HoldsAsync(async () =>
        await _database.ScalarAsync<long>("select count(*) from idempotency i join idempotency_settled s on s.claim = i.claim") >= count);
}
