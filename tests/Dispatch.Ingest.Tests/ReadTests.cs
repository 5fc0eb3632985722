using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Testing;
using Google.Protobuf;

namespace Dispatch.Ingest.Tests;

public sealed class ReadTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(DateTime.UtcNow.Date.AddDays(-1).AddHours(12), TimeSpan.Zero);
    private TestDatabase _database = null!;
    private IngestHost _host = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresServer.CreateDatabaseAsync();
        _host = await IngestHost.StartAsync(_database.ConnectionString);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task What_was_just_accepted_is_found_at_once_here_and_is_not_yet_known_elsewhere()
    {
        await using var other = await IngestHost.StartAsync(_database.ConnectionString);
        using var client = other.Client(_host.Key);
        await Eventually.HoldsAsync(async () => (await other.GetAsync("/v1/status", client)).Status == 200);
        var answer = await _host.PostAsync("/v1/messages", Posts.Fine);
        var id = (string)answer.Json["messages"]![0]!["message_id"]!;

        var here = await _host.GetAsync($"/v1/messages/{id}");
        here.Status.ShouldBe(200, here.Text);
        ((string?)here.Json["state"]).ShouldBe("accepted");
        ((string?)(await _host.GetAsync($"/v1/requests/{answer.Json["request_id"]}")).Json["messages"]![0]!["message_id"]).ShouldBe(id);

        var there = await other.GetAsync($"/v1/messages/{id}", client);
        there.Status.ShouldBe(404);
        there.Code.ShouldBe("not_yet_known");
        there.Header("Retry-After").ShouldBe("1");
        ((bool)there.Json["retryable"]!).ShouldBeTrue();
    }

    [Fact]
    public async Task A_message_has_its_timeline_and_the_blind_windows_that_touch_it()
    {
        var (message, request) = (Id.New(Noon), Id.New(Noon));
        await InsertAsync(message, request, Noon, State.Delivered, facts:
        [
            new Outcome { Kind = OutcomeKind.Delivered, At = Ms(Noon.AddSeconds(3)), Provider = "http-sms", Lane = "gw" },
            new Outcome { Kind = OutcomeKind.Routed, At = Ms(Noon.AddSeconds(1)) },
            new Outcome { Kind = OutcomeKind.Attempted, At = Ms(Noon.AddSeconds(2)), Verdict = Verdict.Accepted, Attempt = 1, Provider = "http-sms", Lane = "gw" },
        ]);
        await _database.ExecuteAsync($"insert into blind_windows values ('sms-1', '{Noon:O}', '{Noon.AddMinutes(1):O}', '{{}}')");

        var answer = await _host.GetAsync($"/v1/messages/{message.ToText(IdPrefix.Message)}");

        answer.Status.ShouldBe(200, answer.Text);
        answer.Json["timeline"]!.AsArray().Select(it => $"{it!["kind"]} {it["verdict"]}").ShouldBe(["routed ", "attempted accepted", "delivered "]);
        ((string?)answer.Json["accepted_at"]).ShouldBe(Noon.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        ((string?)answer.Json["blind"]![0]!["dispatcher"]).ShouldBe("sms-1");
    }

    [Fact]
    public async Task Lists_are_paged_without_loss_or_repeat_and_filtered()
    {
        var expected = new List<string>();
        for (var i = 0; i < 25; i++)
        {
            var message = Id.New(Noon);
            await InsertAsync(message, Id.New(Noon), Noon.AddMilliseconds(i / 5), i % 2 == 0 ? State.Sent : State.Capped, label: i < 20 ? "a" : "b");
            expected.Add(message.ToText(IdPrefix.Message));
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await _host.GetAsync($"/v1/messages?page_size=7{(cursor is null ? "" : $"&cursor={cursor}")}");
            page.Status.ShouldBe(200, page.Text);
            page.Json["items"]!.AsArray().Count.ShouldBeLessThanOrEqualTo(7);
            seen.AddRange(page.Json["items"]!.AsArray().Select(it => (string)it!["message_id"]!));
            cursor = (string?)page.Json["next_cursor"];
        }
        while (cursor is not null);
        seen.ShouldBe(expected, ignoreOrder: true);
        seen.ShouldBeUnique();

        var from = Uri.EscapeDataString($"{Noon:yyyy-MM-ddTHH:mm:ss.fffZ}");
        (await CountAsync("label=b")).ShouldBe(5);
        (await CountAsync("state=capped&label=a")).ShouldBe(10);
        (await CountAsync($"from={from}&channel=sms&class=campaign")).ShouldBe(25);
        (await CountAsync($"until={from}")).ShouldBe(0);
        (await CountAsync("user_id=nobody")).ShouldBe(0);
    }

    [Fact]
    public async Task A_request_counts_its_messages_by_state_and_can_be_taken_back()
    {
        var request = Id.New(Noon);
        for (var i = 0; i < 3; i++)
        {
            await InsertAsync(Id.New(Noon), request, Noon, i == 0 ? State.Held : State.Sent);
        }

        var answer = await _host.GetAsync($"/v1/requests/{request.ToText(IdPrefix.Request)}?page_size=2");
        answer.Json["states"]!.ToJsonString().ShouldBe("""{"held":1,"sent":2}""");
        answer.Json["messages"]!.AsArray().Count.ShouldBe(2);
        answer.Json["next_cursor"].ShouldNotBeNull();

        var cancelled = await _host.PostAsync($"/v1/requests/{request.ToText(IdPrefix.Request)}/cancel", "");
        cancelled.Status.ShouldBe(202, cancelled.Text);
        (await _database.ScalarAsync<long>($"select count(*) from control.cancellations where request_id = '{request.ToGuid()}' and tenant = 'default'")).ShouldBe(1);
        (await _host.PostAsync($"/v1/requests/{Id.New(Noon.AddDays(-9)).ToText(IdPrefix.Request)}/cancel", "")).Code.ShouldBe("not_found");
    }

    [Fact]
    public async Task Statistics_count_once_split_as_asked_and_leave_what_is_blind_out_of_rates()
    {
        foreach (var (minute, kind, label, count) in new[]
        {
            (0, "attempt_accepted", "", 10), (0, "attempt_accepted", "a", 4), (0, "delivered", "", 5), (5, "attempt_accepted", "", 100), (5, "delivered", "", 1),
        })
        {
            await _database.ExecuteAsync($"""
                insert into stats (day, minute, tenant, campaign, label, channel, provider, class, kind, count, segments)
                values ('{Noon:yyyy-MM-dd}', '{Noon.AddMinutes(minute):O}', 'default', '', '{label}', 3, 'http-sms', 3, '{kind}', {count}, 0)
                """);
        }

        await _database.ExecuteAsync($"insert into blind_windows values ('sms-1', '{Noon.AddMinutes(5):O}', '{Noon.AddMinutes(6):O}', '{{}}')");
        var range = $"from={Uri.EscapeDataString($"{Noon:yyyy-MM-ddTHH:mm:ssZ}")}&until={Uri.EscapeDataString($"{Noon.AddHours(1):yyyy-MM-ddTHH:mm:ssZ}")}";

        var answer = await _host.GetAsync($"/v1/stats?bucket=minute&by=channel&{range}");

        answer.Status.ShouldBe(200, answer.Text);
        answer.Json["items"]!.AsArray().Select(it => $"{it!["kind"]} {it["channel"]} {it["count"]} {it["blind"]}").ShouldBe(
            ["delivered sms 5 ", "sent sms 10 ", "delivered sms 1 true", "sent sms 100 true"], ignoreOrder: true);
        answer.Json["rates"]!.AsArray().ShouldHaveSingleItem()!["delivered"]!.GetValue<double>().ShouldBe(0.5);
        answer.Json["blind"]!.AsArray().ShouldHaveSingleItem();
        var labelled = await _host.GetAsync($"/v1/stats?bucket=day&label=a&by=label&{range}");
        labelled.Json["items"]!.AsArray().ShouldHaveSingleItem()!["count"]!.GetValue<long>().ShouldBe(4);
    }

    [Fact]
    public async Task A_suppression_holds_the_address_in_every_spelling_and_never_shows_it()
    {
        var first = await _host.PostAsync("/v1/suppressions", """{ "email": "eve@EXAMPLE.org", "reason": "asked" }""");
        var second = await _host.PostAsync("/v1/suppressions", """{ "email": "eve@example.org", "reason": "asked again" }""");

        first.Status.ShouldBe(201, first.Text);
        second.Status.ShouldBe(200, second.Text);
        ((string?)second.Json["id"]).ShouldBe((string?)first.Json["id"]);
        var list = await _host.GetAsync("/v1/suppressions?channel=email");
        list.Json["items"]!.AsArray().ShouldHaveSingleItem();
        list.Text.ShouldNotContain("eve");
        using var delete = new HttpRequestMessage(HttpMethod.Delete, $"/v1/suppressions/{first.Json["id"]}");
        (await _host.SendAsync(delete)).Status.ShouldBe(204);
        (await _host.GetAsync("/v1/suppressions")).Json["items"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Caps_are_made_changed_listed_and_removed()
    {
        var made = await _host.PostAsync("/v1/caps", """{ "kind": "label", "subject": "promo", "classes": [ "campaign", "automation" ], "limit": 3, "window_seconds": 86400 }""");
        made.Status.ShouldBe(201, made.Text);
        using var put = new HttpRequestMessage(HttpMethod.Put, $"/v1/caps/{made.Json["id"]}")
        {
            Content = new StringContent("""{ "classes": [ "campaign" ], "limit": 5, "window_seconds": 3600 }""", null, "application/json"),
        };
        var changed = await _host.SendAsync(put);
        changed.Status.ShouldBe(200, changed.Text);
        ((int)changed.Json["limit"]!).ShouldBe(5);
        (await _host.GetAsync($"/v1/caps/{made.Json["id"]}")).Text.ShouldBe(changed.Text);
        using var delete = new HttpRequestMessage(HttpMethod.Delete, $"/v1/caps/{made.Json["id"]}");
        (await _host.SendAsync(delete)).Status.ShouldBe(204);
        (await _host.GetAsync($"/v1/caps/{made.Json["id"]}")).Status.ShouldBe(404);
    }

    private async Task<int> CountAsync(string filter) => (await _host.GetAsync($"/v1/messages?page_size=200&{filter}")).Json["items"]!.AsArray().Count;

    private Task InsertAsync(Id message, Id request, DateTimeOffset at, State state, string label = "a", params Outcome[] facts)
    {
        var timeline = Convert.ToHexString(new Timeline { Facts = { facts } }.ToByteArray());
        return _database.ExecuteAsync($"""
            insert into messages (day, message_id, request_id, tenant, class, channel, recipient_key, campaign, labels, accepted_at, expires_at, expected, state, state_at, reason,
              provider, lane, attempts, segments, cap_check, timeline)
            values ('{message.Day:yyyy-MM-dd}', '{message.ToGuid()}', '{request.ToGuid()}', 'default', 3, 3, '\x00', '', array['{label}'], '{at:O}', '{at.AddHours(1):O}', true, {(int)state},
              '{at:O}', '', '', '', 1, 1, 1, '\x{timeline}')
            """);
    }

    private static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();
}
