using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Google.Protobuf;
using Record = Dispatch.Log.Record;

namespace Dispatch.Ingest.Tests;

public sealed class OperateTests : IAsyncLifetime
{
    private const string Bypass = """{ "switch": "feedback", "value": "bypass", "channel": "push", "reason": "store is slow", "owner": "ada", "expires_in_seconds": 600 }""";
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
    public async Task A_switch_is_tried_dry_set_told_in_every_answer_and_audited()
    {
        var minute = DateTimeOffset.UtcNow.AddMinutes(-3);
        await _database.ExecuteAsync($"""
            insert into stats (day, minute, tenant, campaign, label, channel, provider, class, kind, count, segments)
            values ('{minute:yyyy-MM-dd}', '{minute:O}', 'acme', '', '', 1, '', 3, 'accepted', 50, 0), ('{minute:yyyy-MM-dd}', '{minute:O}', 'acme', '', '', 2, '', 3, 'accepted', 500, 0)
            """);

        var dry = await _host.PostAsync("/v1/operate/modes", Bypass.Replace("\"owner\"", "\"dry_run\": true, \"owner\"", StringComparison.Ordinal));
        dry.Status.ShouldBe(200, dry.Text);
        ((double)dry.Json["blast_radius"]!["messages_per_minute"]!).ShouldBe(5);
        ((string?)dry.Json["blast_radius"]!["tenants"]![0]!["tenant"]).ShouldBe("acme");
        dry.Json["blast_radius"]!["becomes_blind"]!.AsArray().ShouldNotBeEmpty();
        (await _host.GetAsync("/v1/operate/modes")).Json["items"]!.AsArray().ShouldBeEmpty();

        (await _host.PostAsync("/v1/operate/modes", Bypass)).Status.ShouldBe(200);
        await Eventually.HoldsAsync(async () => (await _host.PostAsync("/v1/messages", Posts.Fine)).Header("Dispatch-Degraded") == "feedback=bypass;scope=push/*");
        var mode = (await _host.GetAsync("/v1/operate/modes")).Json["items"]!.AsArray().ShouldHaveSingleItem()!;
        ((string?)mode["owner"]).ShouldBe("ada");
        ((string?)mode["scope"]!["channel"]).ShouldBe("push");
        var status = await _host.GetAsync("/v1/status");
        ((string?)status.Json["degraded"]![0]!["why"]).ShouldBe("store is slow");
        status.Text.ShouldNotContain("ada"); // who, is for operators
        (await _database.ScalarAsync<long>("select count(*) from control.audit where what = 'switch'")).ShouldBe(1);
    }

    [Fact]
    public async Task Quarantine_is_listed_page_by_page_and_driven_again()
    {
        var now = DateTimeOffset.UtcNow;
        var message = new Message
        {
            MessageId = Bytes(Id.New(now)), Tenant = "acme", Class = TrafficClass.Campaign, Channel = Channel.Push, HoldReason = "x", RecipientKey = ByteString.CopyFrom(new byte[16]),
        };
        var request = new Request { RequestId = Bytes(Id.New(now)), Tenant = "acme", Class = TrafficClass.Automation, Recipients = { new Recipient() } };
        Quarantined[] parked =
        [
            Parked("push.campaign", "push", message.ToByteString(), now.AddMinutes(-3)), Parked("requests.automation", "router", request.ToByteString(), now.AddMinutes(-2)),
            Parked("push.campaign", "push", ByteString.CopyFromUtf8("rubbish"), now.AddMinutes(-1)),
        ];
        await _host.Log.AppendAsync([.. parked.Select(it => new Record(Topics.Quarantine, it.Key.Memory, it.ToByteArray()))]);

        var first = await _host.GetAsync("/v1/operate/quarantine?page_size=2");
        first.Status.ShouldBe(200, first.Text);
        var second = await _host.GetAsync($"/v1/operate/quarantine?page_size=2&cursor={first.Json["next_cursor"]}");
        var listed = first.Json["items"]!.AsArray().Concat(second.Json["items"]!.AsArray()).ToList();
        listed.Select(it => (string?)it!["parking_id"]).ShouldBe(parked.Reverse().Select(it => Text(it.ParkingId)));
        listed.Select(it => (bool)it!["redrivable"]!).ShouldBe([false, true, true]);
        listed.ShouldAllBe(it => (string?)it!["exception"] == "System.InvalidOperationException: no");

        var body = $$"""{ "parking_ids": [ {{string.Join(',', parked.Select(it => $"\"{Text(it.ParkingId)}\"").Append("\"prk_00000000000000000000000001\""))}} ], "reason": "mended" """;
        var dry = await _host.PostAsync("/v1/operate/quarantine/redrive", body + ", \"dry_run\": true }");
        dry.Json["items"]!.AsArray().Select(it => (string?)it!["status"]).ShouldBe(["would_redrive", "would_redrive", "not_redrivable", "not_found"]);
        (await _host.EntriesAsync(Topics.Reroute(TrafficClass.Campaign))).ShouldBeEmpty();

        var driven = await _host.PostAsync("/v1/operate/quarantine/redrive", body + "}");
        driven.Json["items"]!.AsArray().Select(it => (string?)it!["status"]).ShouldBe(["redriven", "redriven", "not_redrivable", "not_found"]);
        var back = Message.Parser.ParseFrom((await _host.EntriesAsync(Topics.Reroute(TrafficClass.Campaign))).ShouldHaveSingleItem().Value.Span);
        back.ParkingId.ShouldBe(parked[0].ParkingId);
        back.HoldReason.ShouldBeEmpty();
        var again = (await _host.RequestsAsync(TrafficClass.Automation)).ShouldHaveSingleItem();
        again.RepeatSince.ShouldBe(parked[1].At);
        again.Chunk.ShouldNotBe(request.Chunk);
        (await _database.ScalarAsync<long>("select count(*) from control.audit where what = 'quarantine.redrive'")).ShouldBe(1);
    }

    [Fact]
    public async Task Settlement_and_held_answer_with_an_empty_ledger()
    {
        var settlement = await _host.GetAsync("/v1/operate/settlement");
        settlement.Status.ShouldBe(200, settlement.Text);
        ((bool)settlement.Json["balanced"]!).ShouldBeTrue();
        (await _host.GetAsync("/v1/operate/held")).Json["items"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task While_the_log_cannot_be_written_callers_are_told_to_come_again_and_nothing_is_remembered()
    {
        var log = new BrokenLog(_host.Log);
        await using var host = await IngestHost.StartAsync(_database.ConnectionString, change: services => log.Replace(services));

        foreach (var (persistence, key) in new[] { (Persistence.NotPersisted, "a"), (Persistence.PossiblyPersisted, "b") })
        {
            log.Fault = persistence;
            var refused = await host.PostAsync("/v1/messages", Posts.Fine, key);
            refused.Status.ShouldBe(503, refused.Text);
            refused.Code.ShouldBe("unavailable");
            refused.Header("Retry-After").ShouldNotBeEmpty();
            (await host.GetAsync("/v1/status")).Json["degraded"]!.AsArray().Select(it => (string?)it!["what"]).ShouldContain("log");

            log.Fault = null;
            Answered answer = null!;
            await Eventually.HoldsAsync(async () => (answer = await host.PostAsync("/v1/messages", Posts.Fine, key)).Status != 409);
            answer.Status.ShouldBe(202, answer.Text);
            var request = log.Appended.Single();
            (request.RepeatSince > 0).ShouldBe(persistence == Persistence.PossiblyPersisted); // who knows, marks it
            log.Appended.Clear();
        }
    }

    private static Quarantined Parked(string topic, string service, ByteString value, DateTimeOffset at) => new()
    {
        ParkingId = Bytes(Id.New(at)), Topic = topic, Service = service, Value = value, Key = ByteString.CopyFromUtf8("key"), At = at.ToUnixTimeMilliseconds(), Tenant = "acme",
        Exception = "System.InvalidOperationException: no\n   at Somewhere",
    };

    private static ByteString Bytes(Id id) => ByteString.CopyFrom(id.ToBytes());

    private static string Text(ByteString id) => Id.From(id.Span).ToText(IdPrefix.Parking);
}
