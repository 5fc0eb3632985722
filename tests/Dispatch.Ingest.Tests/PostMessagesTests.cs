using System.Text.Json.Nodes;
using Dispatch.Contracts;
using Dispatch.Testing;
using Google.Protobuf;

namespace Dispatch.Ingest.Tests;

public sealed class PostMessagesTests : IAsyncLifetime
{
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
    public async Task What_is_accepted_is_in_the_log_with_the_ids_of_the_answer()
    {
        var answer = await _host.PostAsync("/v1/messages", """
            {
              "class": "transactional",
              "recipients": [
                { "user_id": "u-17", "email": "Ada@EXAMPLE.org", "variables": { "code": "1" } },
                { "push": { "provider": "apns", "app": "shop-ios", "token": "9f1c" } },
                { "phone": "+33612345678" }
              ],
              "content": {
                "push": { "title": "Your code", "body": "{{code}}", "data": { "a": "b" }, "collapse_key": "otp", "badge": 1, "sound": "default" },
                "email": { "from": "Shop <no-reply@shop.example>", "subject": "Your code", "html": "<p>{{code}}</p>" },
                "sms": { "from": "SHOP", "text": "Your code: {{code}}" }
              },
              "variables": { "code": "0" }, "labels": ["otp"], "ttl_seconds": 300, "send_at": null, "in_doubt": "hold", "metadata": { "order": "A-1" }
            }
            """);

        answer.Status.ShouldBe(202, answer.Text);
        ((string?)answer.Json["durable"]).ShouldBe("log");
        var request = (await _host.RequestsAsync()).ShouldHaveSingleItem();
        Id.From(request.RequestId.Span).ToText(IdPrefix.Request).ShouldBe((string?)answer.Json["request_id"]);
        request.Recipients.SelectMany(it => it.Addresses).Select(it => Id.From(it.MessageId.Span).ToText(IdPrefix.Message))
            .ShouldBe(answer.Json["messages"]!.AsArray().Select(it => (string)it!["message_id"]!));
        request.Tenant.ShouldBe("default");
        request.Recipients[0].Addresses[0].Value.ShouldBe("Ada@example.org");
        request.Recipients[0].RecipientKey.ShouldNotBe(request.Recipients[0].Addresses[0].AddressKey);
        request.Recipients[2].RecipientKey.ShouldBe(request.Recipients[2].Addresses[0].AddressKey);
        request.ExpiresAt.ShouldBe(request.AcceptedAt + 300_000);
        request.InDoubt.ShouldBe(InDoubt.Hold);
        request.Variables.ToStringUtf8().ShouldBe("""{ "code": "0" }""");
        PushContent.Parser.ParseFrom(request.Content.Push).Data["a"].ShouldBe("b");
    }

    [Fact]
    public async Task One_bad_recipient_does_not_refuse_the_others()
    {
        var answer = await _host.PostAsync("/v1/messages", """
            {
              "class": "campaign",
              "recipients": [
                { "email": "ada@example.org", "phone": "+33612345678" }, { "email": "nobody" }, { "phone": "0612345678" }, { "user_id": "u-1" },
                { "email": "ada@EXAMPLE.org" }, { "email": "b@example.org", "surprise": 1 }, { "phone": "+33612345679" }
              ],
              "content": { "email": { "from": "a@example.org", "subject": "s", "text": "t" } }
            }
            """);

        answer.Status.ShouldBe(202, answer.Text);
        answer.Json["messages"]!.AsArray().Select(it => $"{it!["recipient"]} {it["channel"]} {it["status"]} {it["code"]}").ShouldBe(
        [
            "0 email accepted ", "0 sms rejected no_content", "1 email rejected invalid_email", "2 sms rejected invalid_phone", "3  rejected no_address",
            "4 email rejected duplicate_address", "5  rejected invalid", "6 sms rejected no_content",
        ]);
        (await _host.RequestsAsync(TrafficClass.Campaign)).ShouldHaveSingleItem().Recipients.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task More_than_a_hundred_recipients_are_cut_into_chunks_and_answered_in_short()
    {
        var recipients = new JsonArray([.. Enumerable.Range(0, 250).Select(it => new JsonObject { ["email"] = it == 7 ? "bad" : $"u{it}@example.org" })]);
        var body = JsonNode.Parse(Posts.Fine)!;
        body["recipients"] = recipients;

        var answer = await _host.PostAsync("/v1/messages", body.ToJsonString(), "chunked");

        answer.Status.ShouldBe(202, answer.Text);
        answer.Json["messages"].ShouldBeNull();
        ((int)answer.Json["accepted"]!).ShouldBe(249);
        answer.Json["rejected"]!.AsArray().ShouldHaveSingleItem()!["recipient"]!.GetValue<int>().ShouldBe(7);
        var chunks = await _host.RequestsAsync();
        chunks.Select(it => it.Recipients.Count).Order().ShouldBe([49, 100, 100]);
        chunks.Select(it => (int)it.Chunk).Order().ShouldBe([0, 1, 2]);
        chunks.ShouldAllBe(it => it.Chunks == 3 && it.RequestId.Equals(chunks[0].RequestId));

        var again = await _host.PostAsync("/v1/messages", body.ToJsonString(), "chunked");
        again.Text.ShouldBe(answer.Text);
        again.Header("Idempotent-Replayed").ShouldBe("true");
        ((int)(await _host.GetAsync($"/v1/requests/{answer.Json["request_id"]}")).Json["states"]!["accepted"]!).ShouldBe(249);
    }

    [Fact]
    public async Task A_batch_answers_item_by_item()
    {
        var answer = await _host.PostAsync("/v1/messages/batch", $$"""
            { "messages": [ {{Posts.Fine}}, { "class": "fast" }, {{Posts.Fine.Replace("ada@", "bob@", StringComparison.Ordinal)}} ] }
            """);

        answer.Status.ShouldBe(202, answer.Text);
        answer.Json["items"]!.AsArray().Select(it => (string)it!["status"]!).ShouldBe(["accepted", "rejected", "accepted"]);
        answer.Json["items"]![1]!["errors"]!.AsArray().Select(it => $"{it!["pointer"]} {it["code"]}").ShouldBe(
            ["/messages/1/class not_a_choice", "/messages/1/recipients required", "/messages/1/content required"]);
        (await _host.RequestsAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_batch_of_nothing_good_is_refused()
    {
        var answer = await _host.PostAsync("/v1/messages/batch", """{ "messages": [ { "class": "campaign" }, 5 ] }""");

        answer.Status.ShouldBe(400);
        answer.Code.ShouldBe("none_accepted");
        answer.Errors.ShouldBe(["/messages/0/recipients required", "/messages/0/content required", "/messages/1 wrong_type"]);
        (await _host.CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task What_no_record_can_hold_is_refused_and_what_a_record_just_holds_is_not()
    {
        static string Of(int text, int html) => $$"""
            { "class": "campaign", "recipients": [ { "email": "ada@example.org" } ],
              "content": { "email": { "from": "a@example.org", "subject": "s", "text": "{{new string('t', text)}}", "html": "{{new string('h', html)}}" } } }
            """;

        var large = await _host.PostAsync("/v1/messages", Of(3 * 1_024 * 1_024, 1_024 * 1_024));
        (large.Status, large.Code).ShouldBe((413, "too_large"));
        ((string?)large.Json["detail"]).ShouldNotBeNull().ShouldContain("4128768 bytes");
        (await _host.PostAsync("/v1/messages", Of(3 * 1_024 * 1_024, 960_000))).Status.ShouldBe(202);

        var batch = await _host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{Posts.Fine}}, {{Of(3 * 1_024 * 1_024, 1_024 * 1_024)}}, {{Posts.Fine}} ] }""");
        batch.Status.ShouldBe(202, batch.Text);
        batch.Json["items"]!.AsArray().Select(it => $"{it!["status"]} {it["code"]}").ShouldBe(["accepted ", "rejected too_large", "accepted "]);
    }

    [Fact]
    public async Task A_batch_is_full_where_its_messages_come_to_too_much_and_chunks_are_cut_by_what_comes_of_them()
    {
        static string To(int recipients) => $$"""
            { "class": "campaign", "recipients": [{{string.Join(',', Enumerable.Range(0, recipients).Select(it => $$"""{"email":"u{{it}}@example.org","phone":"+336{{it:00000000}}"}"""))}}],
              "content": { "email": { "from": "a@example.org", "subject": "s", "text": "{{new string('t', 1_000_000)}}" }, "sms": { "from": "SHOP", "text": "s" } } }
            """;

        var batch = await _host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{To(20)}}, {{To(60)}}, {{To(20)}}, {{To(20)}}, {{Posts.Fine}} ] }""");

        batch.Status.ShouldBe(202, batch.Text);
        batch.Json["items"]!.AsArray().Select(it => $"{it!["status"]} {it["code"]}").ShouldBe(
            ["accepted ", "rejected too_large", "accepted ", "rejected too_large", "rejected too_large"]);
        (await _host.RequestsAsync(TrafficClass.Campaign)).Select(it => it.Recipients.Count).Order().ShouldBe([4, 4, 8, 8, 8, 8]);
    }

    [Fact]
    public async Task Variables_and_metadata_count_for_every_message_that_carries_them()
    {
        var recipients = string.Join(',', Enumerable.Range(0, 1_000).Select(it => $$"""{"email":"u{{it}}@example.org"}"""));
        var answer = await _host.PostAsync("/v1/messages", $$"""
            { "class": "campaign", "recipients": [{{recipients}}], "variables": { "a": "{{new string('v', 60_000)}}" },
              "content": { "email": { "from": "a@example.org", "subject": "s", "text": "t" } } }
            """);

        (answer.Status, answer.Code).ShouldBe((413, "too_large"));
    }

    [Fact]
    public async Task Faults_of_a_batch_are_bounded_as_those_of_a_request()
    {
        var item = $$"""{ "class": "campaign", "recipients": [{{string.Join(',', Enumerable.Repeat("{}", 900))}}], "content": { "sms": { "from": "SHOP", "text": "t" } } }""";
        var answer = await _host.PostAsync("/v1/messages/batch", $$"""{ "messages": [ {{item}}, {{item}}, {{item}}, {{Posts.Fine}} ] }""");

        answer.Json["items"]!.AsArray().Select(it => it!["errors"]?.AsArray().Count ?? 0).ShouldBe([900, 100, 1, 0]);
    }

    [Fact]
    public async Task Events_answer_one_by_one()
    {
        var answer = await _host.PostAsync("/v1/events", $$"""
            { "events": [
              { "event_id": "e1", "user_id": "u1", "name": "opened", "at": "{{Posts.Ago(29)}}", "message_id": "{{Posts.MessageOf(29)}}", "attributes": { "a": 1 } },
              { "event_id": "e2", "user_id": "u1", "name": "opened", "at": "2999-01-01T10:00:00Z" },
              { "event_id": "e3", "name": "x y" }
            ] }
            """);

        answer.Status.ShouldBe(202, answer.Text);
        answer.Json["events"]!.AsArray().Select(it => (string)it!["status"]!).ShouldBe(["accepted", "rejected", "rejected"]);
        var entry = (await _host.EntriesAsync(Topics.Events)).ShouldHaveSingleItem();
        var record = Event.Parser.ParseFrom(entry.Value.Span);
        record.EventId.ShouldBe("e1");
        record.Attributes.ToStringUtf8().ShouldBe("""{ "a": 1 }""");
    }

    [Fact]
    public async Task An_event_cannot_ask_for_a_day_that_nobody_keeps()
    {
        var answer = await _host.PostAsync("/v1/events", $$"""
            { "events": [
              { "event_id": "e0", "user_id": "u", "name": "opened", "at": "{{Posts.Ago(0)}}", "message_id": "{{Posts.MessageOf(0)}}" },
              { "event_id": "e1", "user_id": "u", "name": "opened", "at": "{{Posts.Ago(0)}}", "message_id": "{{Posts.MessageOf(32)}}" },
              { "event_id": "e2", "user_id": "u", "name": "opened", "at": "{{Posts.Ago(0)}}", "message_id": "{{Posts.MessageOf(-3)}}" },
              { "event_id": "e3", "user_id": "u", "name": "opened", "at": "{{Posts.Ago(32)}}" },
              { "event_id": "e4", "user_id": "u", "name": "opened", "at": "0001-01-01T00:00:00Z" }
            ] }
            """);

        answer.Status.ShouldBe(202, answer.Text);
        answer.Json["events"]!.AsArray().SelectMany(it => it!["errors"]?.AsArray() ?? []).Select(it => $"{it!["pointer"]} {it["code"]}").ShouldBe(
            ["/events/1/message_id out_of_range", "/events/2/message_id out_of_range", "/events/3/at too_old", "/events/4/at invalid_time"]);
        var today = Id.DayOf(DateTimeOffset.UtcNow);
        Event.Parser.ParseFrom((await _host.EntriesAsync(Topics.Events)).ShouldHaveSingleItem().Value.Span).Day.ShouldBeInRange(today - 1, today);
    }

    [Fact]
    public async Task Trace_and_request_id_pass_through()
    {
        const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages") { Content = new StringContent(Posts.Fine, null, "application/json") };
        request.Headers.Add("traceparent", Parent);
        request.Headers.Add("X-Request-Id", "mine-1");

        var answer = await _host.SendAsync(request);

        answer.Status.ShouldBe(202);
        answer.Header("X-Request-Id").ShouldBe("mine-1");
        var header = (await _host.EntriesAsync(Topics.Requests(TrafficClass.Transactional))).ShouldHaveSingleItem().Headers.ShouldHaveSingleItem();
        header.Name.ShouldBe(RecordHeaders.TraceParent);
        System.Text.Encoding.ASCII.GetString(header.Value.Span).ShouldStartWith("00-0af7651916cd43dd8448eb211c80319c-");
    }
}
