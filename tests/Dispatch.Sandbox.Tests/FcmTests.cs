using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatch.Testing;

namespace Dispatch.Sandbox.Tests;

public sealed class FcmTests(SandboxFixture at) : IClassFixture<SandboxFixture>
{
    private JsonObject Account => JsonNode.Parse(File.ReadAllText(at.Sandbox.Credentials.FcmServiceAccountFile))!.AsObject();

    [Fact]
    public async Task The_service_account_buys_a_token_and_sends_with_it()
    {
        var (status, token) = await TokenAsync();
        status.ShouldBe(200);
        token["expires_in"]!.GetValue<int>().ShouldBe(3600);
        token["token_type"]!.GetValue<string>().ShouldBe("Bearer");

        var (sent, answer) = await SendAsync(token["access_token"]!.GetValue<string>(), Message("good", id: "msg_good"));
        sent.ShouldBe(200);
        answer["name"]!.GetValue<string>().ShouldStartWith("projects/dispatch-sandbox/messages/");
        at.Sandbox.Receipts("fcm").Single(line => line.MessageId == "msg_good").ShouldSatisfyAllConditions(
            line => line.Accepted.ShouldBeTrue(), line => line.Recipient.ShouldBe("good"), line => line.Lane.ShouldBe("dispatch-sandbox"));
    }

    public static TheoryData<string, string, string> Assertions => new()
    {
        { "exp", "", "invalid_grant" },
        { "exp", "1", "invalid_grant" },
        { "iat", "1", "invalid_grant" },
        { "iss", "stranger@example.org", "invalid_grant" },
        { "aud", "https://elsewhere.example/token", "invalid_grant" },
        { "scope", "https://www.googleapis.com/auth/drive", "invalid_grant" },
    };

    [Theory]
    [MemberData(nameof(Assertions))]
    public async Task A_wrong_claim_buys_nothing(string claim, string value, string error)
    {
        var (status, answer) = await TokenAsync(claims =>
        {
            claims.Remove(claim);
            if (value.Length > 0)
            {
                claims[claim] = long.TryParse(value, out var number) ? number : value;
            }
        });
        (status, answer["error"]!.GetValue<string>()).ShouldBe((400, error));
    }

    [Fact]
    public async Task A_foreign_key_buys_nothing()
    {
        using var foreign = RSA.Create(2048);
        var (status, answer) = await TokenAsync(key: foreign);
        (status, answer["error_description"]!.GetValue<string>()).ShouldBe((400, "Invalid JWT Signature."));
    }

    [Theory]
    [InlineData("token-404-a", 404, "NOT_FOUND", "UNREGISTERED")]
    [InlineData("bad-device-token-a", 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")]
    [InlineData("busy-a", 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")]
    [InlineData("answer-403-SENDER_ID_MISMATCH-a", 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")]
    [InlineData("answer-401-THIRD_PARTY_AUTH_ERROR-a", 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")]
    [InlineData("answer-500-INTERNAL-a", 500, "INTERNAL", "INTERNAL")]
    [InlineData("answer-503-UNAVAILABLE-a", 503, "UNAVAILABLE", "UNAVAILABLE")]
    public async Task A_token_gets_the_answer_that_it_asks_for(string token, int status, string canonical, string code)
    {
        var (got, answer) = await SendAsync(await BearerAsync(), Message(token));
        got.ShouldBe(status);
        answer["error"]!["code"]!.GetValue<int>().ShouldBe(status);
        answer["error"]!["status"]!.GetValue<string>().ShouldBe(canonical);
        var detail = answer["error"]!["details"]![0]!;
        detail["@type"]!.GetValue<string>().ShouldBe("type.googleapis.com/google.firebase.fcm.v1.FcmError");
        detail["errorCode"]!.GetValue<string>().ShouldBe(code);
    }

    [Fact]
    public async Task A_plain_401_has_no_word_of_FCMs_own()
    {
        var (status, answer) = await SendAsync("ya29.0.nonsense.x", Message("abc"));
        status.ShouldBe(401);
        answer["error"]!["details"].ShouldBeNull();
    }

    [Theory]
    [InlineData("""{"message":{"token":"x","data":{"from":"me"}}}""", "reserved key")]
    [InlineData("""{"message":{"token":"x","data":{"google.a":"b"}}}""", "reserved prefix")]
    [InlineData("""{"message":{"token":"x","data":{"n":12}}}""", "value that is no string")]
    [InlineData("""{"message":{"token":"x","bogus":{}}}""", "unknown field")]
    [InlineData("""{"message":{}}""", "no target")]
    [InlineData("""{"message":{"token":"x","topic":"y"}}""", "two targets")]
    [InlineData("""{"message":{"token":7}}""", "token that is no string")]
    [InlineData("""{"message":{"token":"x"}""", "broken JSON")]
    [InlineData("""[]""", "no object")]
    [InlineData("", "no body")]
    public async Task The_requests_own_fault_is_a_bad_request(string body, string what)
    {
        var (status, answer) = await SendAsync(await BearerAsync(), body);
        status.ShouldBe(400, what);
        answer["error"]!["details"]![0]!["@type"]!.GetValue<string>().ShouldBe("type.googleapis.com/google.rpc.BadRequest", what);
    }

    [Fact]
    public async Task A_message_of_more_than_4096_octets_is_refused() =>
        (await SendAsync(await BearerAsync(), """{"message":{"token":"x","data":{"a":"LONG"}}}""".Replace("LONG", new string('y', 4096), StringComparison.Ordinal))).Status.ShouldBe(400);

    [Fact]
    public async Task Validate_only_sends_nothing()
    {
        var (status, _) = await SendAsync(await BearerAsync(), """{"validate_only":true,"message":{"token":"probe"}}""");
        status.ShouldBe(200);
        at.Sandbox.Receipts("fcm").ShouldNotContain(line => line.Recipient == "probe");
    }

    [Fact]
    public async Task A_quota_answer_says_when_to_come_back()
    {
        at.Sandbox.Change("fcm", settings => settings with { RetryAfterS = 17 });
        using var request = Request(await BearerAsync(), Message("busy-r"));
        using var answer = await at.Http.SendAsync(request);
        at.Sandbox.Change("fcm", settings => settings with { RetryAfterS = 0 });
        answer.Headers.RetryAfter.ShouldBe(new RetryConditionHeaderValue(TimeSpan.FromSeconds(17)));
    }

    [Fact]
    public async Task A_revoked_account_gets_no_token_and_its_tokens_are_void()
    {
        await using var own = new OwnSandbox();
        await own.InitializeAsync();
        var fcm = new FcmTests(own.At);
        var bearer = await fcm.BearerAsync();
        own.At.Sandbox.Change("fcm", settings => settings with { Mode = Mode.Revoked });
        (await fcm.TokenAsync()).Status.ShouldBe(400);
        (await fcm.SendAsync(bearer, Message("abc"))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_cut_is_taken_once_and_then_answered()
    {
        var bearer = await BearerAsync();
        await Should.ThrowAsync<HttpRequestException>(() => SendAsync(bearer, Message("cut-1-a", "msg_cut")));
        (await SendAsync(bearer, Message("cut-1-a", "msg_cut"))).Status.ShouldBe(200);
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("fcm").Where(line => line.MessageId == "msg_cut").Select(line => line.Answered).SequenceEqual([false, true]));
    }

    private static string Message(string token, string id = "msg_1") =>
        new JsonObject { ["message"] = new JsonObject { ["token"] = token, ["data"] = new JsonObject { ["dispatch_message_id"] = id } } }.ToJsonString();

    private async Task<string> BearerAsync() => (await TokenAsync()).Json["access_token"]!.GetValue<string>();

    private async Task<(int Status, JsonObject Json)> TokenAsync(Action<JsonObject>? change = null, RSA? key = null)
    {
        using var own = RSA.Create();
        own.ImportFromPem(Account["private_key"]!.GetValue<string>());
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = Account["client_email"]!.GetValue<string>(), ["scope"] = "https://www.googleapis.com/auth/firebase.messaging",
            ["aud"] = Account["token_uri"]!.GetValue<string>(), ["iat"] = now, ["exp"] = now + 3600,
        };
        change?.Invoke(claims);
        var content = $"{SandboxFixture.Part(new JsonObject { ["alg"] = "RS256", ["typ"] = "JWT" })}.{SandboxFixture.Part(claims)}";
        var signature = (key ?? own).SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var request = new HttpRequestMessage(HttpMethod.Post, Account["token_uri"]!.GetValue<string>())
        {
            Version = new Version(2, 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new FormUrlEncodedContent([
                new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), new("assertion", $"{content}.{Base64Url.EncodeToString(signature)}")]),
        };
        return await AnswerAsync(request);
    }

    private async Task<(int Status, JsonObject Json)> SendAsync(string bearer, string body)
    {
        using var request = Request(bearer, body);
        return await AnswerAsync(request);
    }

    private HttpRequestMessage Request(string bearer, string body) => new(HttpMethod.Post, new Uri(at.Sandbox.Endpoints.Fcm, "/v1/projects/dispatch-sandbox/messages:send"))
    {
        Version = new Version(2, 0),
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Headers = { Authorization = new AuthenticationHeaderValue("Bearer", bearer) },
        Content = new StringContent(body, Encoding.UTF8, "application/json"),
    };

    private async Task<(int Status, JsonObject Json)> AnswerAsync(HttpRequestMessage request)
    {
        using var answer = await at.Http.SendAsync(request);
        return ((int)answer.StatusCode, (await JsonNode.ParseAsync(await answer.Content.ReadAsStreamAsync()))!.AsObject());
    }
}
