using System.Security.Cryptography;
using System.Text.Json;
using Dispatch.Contracts;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

public sealed class ApnsTests(SandboxFixture at) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task A_good_request_is_taken_under_its_own_id_and_written_down()
    {
        var id = Id.New(DateTimeOffset.UtcNow);
        using var request = at.Push("abcdef", headers: ("apns-id", id.ToGuid().ToString()));
        using var answer = await at.Http.SendAsync(request);
        ((int)answer.StatusCode).ShouldBe(200);
        answer.Version.ShouldBe(new Version(2, 0));
        answer.Headers.GetValues("apns-id").Single().ShouldBe(id.ToGuid().ToString());
        at.Sandbox.Receipts("apns").Single(line => line.MessageId == id.ToText(IdPrefix.Message)).ShouldSatisfyAllConditions(
            line => line.Recipient.ShouldBe("abcdef"),
            line => line.Lane.ShouldBe("SANDBOXTEAM/SANDBOXKEY"),
            line => line.Accepted.ShouldBeTrue(),
            line => line.Answered.ShouldBeTrue(),
            line => line.Bytes.ShouldBe(25));
    }

    [Fact]
    public async Task Without_an_id_the_answer_brings_one()
    {
        using var answer = await at.Http.SendAsync(at.Push("abcdef"));
        Guid.TryParse(answer.Headers.GetValues("apns-id").Single(), out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData("token-410-a", 410, "Unregistered")]
    [InlineData("bad-device-token-a", 400, "BadDeviceToken")]
    [InlineData("busy-a", 429, "TooManyRequests")]
    [InlineData("answer-400-DeviceTokenNotForTopic-a", 400, "DeviceTokenNotForTopic")]
    [InlineData("answer-403-ExpiredProviderToken-a", 403, "ExpiredProviderToken")]
    [InlineData("answer-429-TooManyProviderTokenUpdates-a", 429, "TooManyProviderTokenUpdates")]
    [InlineData("answer-500-InternalServerError-a", 500, "InternalServerError")]
    [InlineData("answer-503-Shutdown-a", 503, "Shutdown")]
    public async Task A_token_gets_the_answer_that_it_asks_for(string token, int status, string reason)
    {
        (await at.PushAsync(at.Push(token))).ShouldBe((status, reason));
        at.Sandbox.Receipts("apns").Last(line => line.Recipient == token).ShouldSatisfyAllConditions(
            line => line.Accepted.ShouldBeFalse(),
            line => line.Status.ShouldBe($"{status}"),
            line => line.Reason.ShouldBe(reason));
    }

    [Theory]
    [InlineData("token-410-t", true)]
    [InlineData("stale-410-t", false)]
    public async Task A_dead_token_says_since_when(string token, bool recently)
    {
        using var answer = await at.Http.SendAsync(at.Push(token));
        var since = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("timestamp").GetInt64();
        (DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds(since) < TimeSpan.FromHours(1)).ShouldBe(recently);
    }

    public static TheoryData<string, string, int, string> Faults => new()
    {
        { "apns-topic", "", 400, "MissingTopic" },
        { "apns-id", "not-a-uuid", 400, "BadMessageId" },
        { "apns-push-type", "telegram", 400, "InvalidPushType" },
        { "apns-priority", "7", 400, "BadPriority" },
        { "apns-expiration", "soon", 400, "BadExpirationDate" },
        { "apns-collapse-id", new string('x', 65), 400, "BadCollapseId" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_faulty_header_is_named(string header, string value, int status, string reason) =>
        (await at.PushAsync(at.Push("abcdef", headers: (header, value)))).ShouldBe((status, reason));

    [Fact]
    public async Task A_background_push_must_not_be_urgent() =>
        (await at.PushAsync(at.Push("abcdef", headers: [("apns-push-type", "background"), ("apns-priority", "10")]))).ShouldBe((400, "BadPriority"));

    [Theory]
    [InlineData(0, "alert", 400, "PayloadEmpty")]
    [InlineData(4096, "alert", 200, "")]
    [InlineData(4097, "alert", 413, "PayloadTooLarge")]
    [InlineData(5120, "voip", 200, "")]
    [InlineData(5121, "voip", 413, "PayloadTooLarge")]
    [InlineData(1_000_000, "alert", 413, "PayloadTooLarge")]
    public async Task A_payload_has_its_limits(int bytes, string type, int status, string reason) =>
        (await at.PushAsync(at.Push("abcdef", body: new string('x', bytes), headers: ("apns-push-type", type)))).ShouldBe((status, reason));

    [Fact]
    public async Task The_path_and_the_method_are_looked_at_first()
    {
        using var nowhere = at.Push("x");
        nowhere.RequestUri = new Uri(at.Sandbox.Endpoints.Apns, "/4/device/x");
        (await at.PushAsync(nowhere)).ShouldBe((404, "BadPath"));
        using var put = at.Push("x");
        put.Method = HttpMethod.Put;
        (await at.PushAsync(put)).ShouldBe((405, "MethodNotAllowed"));
        (await at.PushAsync(at.Push(""))).ShouldBe((400, "MissingDeviceToken"));
    }

    [Fact]
    public async Task Only_a_fresh_token_of_the_team_and_its_key_opens_the_door()
    {
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (string Bearer, string Reason)[] cases =
        [
            ("", "MissingProviderToken"),
            ("nonsense", "InvalidProviderToken"),
            ("a.b.c", "InvalidProviderToken"),
            (at.ApnsToken(otherKey: stranger), "InvalidProviderToken"),
            (at.ApnsToken(keyId: "OTHERKEY"), "InvalidProviderToken"),
            (at.ApnsToken(team: "OTHERTEAM"), "InvalidProviderToken"),
            (at.ApnsToken(DateTimeOffset.UtcNow.AddHours(1)), "InvalidProviderToken"),
            (at.ApnsToken(DateTimeOffset.UtcNow.AddMinutes(-61)), "ExpiredProviderToken"),
        ];
        foreach (var (bearer, reason) in cases)
        {
            await using var client = await RawHttp2.ConnectAsync(at.Sandbox); // the connection's first word
            (await client.AskAsync("abcdef", bearer)).ShouldBe((403, reason));
        }
    }

    [Fact]
    public async Task A_connection_may_not_change_its_token_all_the_time()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        var now = DateTimeOffset.UtcNow;
        (await client.AskAsync("abcdef", at.ApnsToken(now))).ShouldBe((200, ""));
        (await client.AskAsync("abcdef", at.ApnsToken(now.AddSeconds(-5)))).ShouldBe((429, "TooManyProviderTokenUpdates"));
    }

    [Fact]
    public async Task A_token_that_the_stand_in_called_expired_may_be_changed_at_once()
    {
        await using var client = await RawHttp2.ConnectAsync(at.Sandbox);
        var now = DateTimeOffset.UtcNow;
        (await client.AskAsync("answer-403-ExpiredProviderToken-x", at.ApnsToken(now))).ShouldBe((403, "ExpiredProviderToken"));
        (await client.AskAsync("abcdef", at.ApnsToken(now.AddSeconds(-5)))).ShouldBe((200, ""));
    }

    [Fact]
    public async Task Retry_fails_so_often_for_each_message_and_then_takes_it()
    {
        foreach (var id in new[] { Guid.NewGuid(), Guid.NewGuid() })
        {
            for (var i = 0; i < 2; i++)
            {
                (await at.PushAsync(at.Push("retry-2-r", headers: ("apns-id", $"{id}")))).ShouldBe((503, "ServiceUnavailable"));
            }

            (await at.PushAsync(at.Push("retry-2-r", headers: ("apns-id", $"{id}")))).ShouldBe((200, ""));
        }
    }

    [Fact]
    public async Task A_cut_is_taken_and_not_answered()
    {
        await Should.ThrowAsync<HttpRequestException>(() => at.PushAsync(at.Push("cut-c")));
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("apns").Any(line => line is { Recipient: "cut-c", Accepted: true, Answered: false }));
    }

    [Fact]
    public async Task Silence_is_neither_taken_nor_answered()
    {
        using var patience = new CancellationTokenSource();
        var waiting = at.Http.SendAsync(at.Push("silent-s"), patience.Token);
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("apns").Any(line => line.Recipient == "silent-s"));
        waiting.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        at.Sandbox.Receipts("apns").Single(line => line.Recipient == "silent-s").ShouldSatisfyAllConditions(line => line.Accepted.ShouldBeFalse(), line => line.Answered.ShouldBeFalse());
    }

    [Fact]
    public async Task A_slow_answer_that_nobody_waits_for_is_a_receipt_without_answer()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await Should.ThrowAsync<OperationCanceledException>(() => at.Http.SendAsync(at.Push("slow-30000ms-s"), patience.Token));
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("apns").Any(line => line is { Recipient: "slow-30000ms-s", Accepted: true, Answered: false }));
    }
}
