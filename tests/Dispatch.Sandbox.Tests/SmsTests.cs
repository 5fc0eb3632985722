using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dispatch.Sandbox.Sms;
using Dispatch.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Sandbox.Tests;

public sealed class SmsTests(SandboxFixture at) : IClassFixture<SandboxFixture>, IAsyncLifetime
{
    private readonly ConcurrentQueue<(string Url, SortedDictionary<string, string> Form, string Signature)> hooks = new();
    private PlainHttpServer receiver = null!;
    private Func<int> answer = () => 200;

    public async Task InitializeAsync() => receiver = await PlainHttpServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), TakeHookAsync, NullLoggerFactory.Instance);

    public async Task DisposeAsync() => await receiver.DisposeAsync();

    private async Task TakeHookAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        hooks.Enqueue((
            $"{receiver.Address.GetLeftPart(UriPartial.Authority)}{context.Request.Path}{context.Request.QueryString}",
            new SortedDictionary<string, string>(form.ToDictionary(field => field.Key, field => field.Value.ToString()), StringComparer.Ordinal),
            context.Request.Headers["X-Twilio-Signature"].ToString()));
        context.Response.StatusCode = answer();
    }

    [Fact]
    public async Task A_message_is_taken_and_its_receipts_come_back_signed()
    {
        var (status, json) = await PostAsync("+33612345678", "msg_1", "Hello");
        status.ShouldBe(201);
        json["sid"]!.GetValue<string>().ShouldStartWith("SM");
        json["status"]!.GetValue<string>().ShouldBe("queued");
        json["num_segments"]!.GetValue<string>().ShouldBe("1");
        await Eventually.HoldsAsync(() => hooks.Count == 2);
        hooks.Select(hook => hook.Form["MessageStatus"]).ShouldBe(["sent", "delivered"]);
        var token = (await File.ReadAllTextAsync(at.Sandbox.Credentials.SmsTokenFile)).Trim();
        foreach (var (url, form, signature) in hooks)
        {
            url.ShouldEndWith("?message_id=msg_1");
            form["MessageSid"].ShouldBe(json["sid"]!.GetValue<string>());
            var signed = Encoding.UTF8.GetBytes(url + string.Concat(form.Select(field => field.Key + field.Value)));
#pragma warning disable CA5350 // as the gateway signs
            signature.ShouldBe(Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(token), signed)));
#pragma warning restore CA5350
        }

        at.Sandbox.Receipts("http-sms").Single(line => line.MessageId == "msg_1").ShouldSatisfyAllConditions(
            line => line.Accepted.ShouldBeTrue(), line => line.Status.ShouldBe("201"), line => line.Recipient.ShouldBe("+33612345678"));
    }

    /// <summary>The example that the gateway's own client libraries are tested with.</summary>
    [Fact]
    public void The_signature_is_the_gateways_own() => SmsSignature.Of(
        "12345",
        new Uri("https://mycompany.com/myapp.php?foo=1&bar=2"),
        new Dictionary<string, string> { ["CallSid"] = "CA1234567890ABCDE", ["Caller"] = "+14158675309", ["Digits"] = "1234", ["From"] = "+14158675309", ["To"] = "+18005551212" })
        .ShouldBe("RSOYDt4T1cUTdK1PDd93/VVr8B8=");

    [Theory]
    [InlineData("+33612990100", 400, 21211)]
    [InlineData("+33612990101", 400, 21610)]
    [InlineData("+33612990102", 400, 21614)]
    [InlineData("+33612990103", 400, 21408)]
    [InlineData("+33612990104", 400, 21612)]
    [InlineData("+33612990129", 429, 20429)]
    [InlineData("+33612990150", 500, 20500)]
    [InlineData("+33612990153", 503, 20503)]
    [InlineData("0612345678", 400, 21211)]
    [InlineData("", 400, 21604)]
    public async Task A_number_gets_the_answer_that_it_asks_for(string number, int status, int code)
    {
        var (got, json) = await PostAsync(number, "msg_no", "Hello");
        got.ShouldBe(status);
        json["code"]!.GetValue<int>().ShouldBe(code);
        json["status"]!.GetValue<int>().ShouldBe(status);
        at.Sandbox.Receipts("http-sms").ShouldNotContain(line => line.Recipient == number && line.Accepted);
    }

    [Fact]
    public async Task Missing_parts_and_foreign_callbacks_are_refused()
    {
        (await PostAsync("+33612345678", "m", "")).Json["code"]!.GetValue<int>().ShouldBe(21602);
        (await PostAsync("+33612345678", "m", new string('x', 1601))).Json["code"]!.GetValue<int>().ShouldBe(21617);
        (await PostAsync("+33612345678", "m", "Hello", from: "")).Json["code"]!.GetValue<int>().ShouldBe(21603);
        (await PostAsync("+33612345678", "m", "Hello", callback: "https://example.org/hook")).Json["code"]!.GetValue<int>().ShouldBe(21609);
        (await PostAsync("+33612345678", "m", "Hello", callback: "not a url")).Json["code"]!.GetValue<int>().ShouldBe(21609);
    }

    [Fact]
    public async Task Only_the_account_and_its_token_are_let_in()
    {
        (await PostAsync("+33612345678", "m", "Hello", token: "wrong")).ShouldSatisfyAllConditions(got => got.Status.ShouldBe(401), got => got.Json["code"]!.GetValue<int>().ShouldBe(20003));
        using var stranger = await at.Http.GetAsync(new Uri(at.Sandbox.Endpoints.Sms, "/2010-04-01/Accounts/ACsandbox/Messages.json"));
        stranger.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("+33612990208", "sent undelivered", "30008")]
    [InlineData("+33612990307", "failed", "30007")]
    [InlineData("+33612990403", "delivered sent", null)]
    [InlineData("+33612990404", "sent sent delivered delivered", null)]
    public async Task A_number_gets_the_receipts_that_it_asks_for(string number, string statuses, string? error)
    {
        (await PostAsync(number, "msg_r", "Hello")).Status.ShouldBe(201);
        var expected = statuses.Split(' ');
        await Eventually.HoldsAsync(() => hooks.Count == expected.Length);
        hooks.Select(hook => hook.Form["MessageStatus"]).Order().ShouldBe(expected.Order());
        hooks.Select(hook => hook.Form["MessageStatus"]).Distinct().ShouldBe(expected.Distinct());
        hooks.Select(hook => hook.Form.GetValueOrDefault("ErrorCode")).Last(code => error is null || code is not null).ShouldBe(error);
        at.Sandbox.Receipts("http-sms").Last(line => line.Recipient == number).Delivered.ShouldBe(error is null);
    }

    [Fact]
    public async Task A_callback_that_fails_is_tried_again_and_given_up_in_the_end()
    {
        await using var own = new OwnSandbox();
        await own.InitializeAsync();
        var there = new SmsTests(own.At) { receiver = receiver };
        var counters = own.At.Sandbox.Counters("http-sms");
        var calls = 0;
        answer = () => Interlocked.Increment(ref calls) == 1 ? 503 : 200;
        await there.PostAsync("+33612990301", "msg_again", "Hello");
        await Eventually.HoldsAsync(() => counters.CallbacksSent == 1);
        calls.ShouldBe(2);

        (answer, calls) = (() => 500, 0);
        await there.PostAsync("+33612990301", "msg_never", "Hello");
        await Eventually.HoldsAsync(() => counters.CallbacksFailed == 1);
        hooks.Count(hook => hook.Url.EndsWith("msg_never", StringComparison.Ordinal)).ShouldBe(3);

        answer = () => 403; // final: no second try
        await there.PostAsync("+33612990301", "msg_no", "Hello");
        await Eventually.HoldsAsync(() => counters.CallbacksFailed == 2);
        hooks.Count(hook => hook.Url.EndsWith("msg_no", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task A_doubt_can_be_settled_by_asking()
    {
        await Should.ThrowAsync<HttpRequestException>(() => PostAsync("+33613990401", "msg_doubt", "Hello"));
        at.Sandbox.Receipts("http-sms").Last(line => line.Recipient == "+33613990401").ShouldSatisfyAllConditions(line => line.Accepted.ShouldBeTrue(), line => line.Answered.ShouldBeFalse());
        using var request = Request(HttpMethod.Get, "/2010-04-01/Accounts/ACsandbox/Messages.json?To=%2B33613990401");
        using var answered = await at.Http.SendAsync(request);
        var found = JsonNode.Parse(await answered.Content.ReadAsStringAsync())!["messages"]!.AsArray();
        found.Count.ShouldBe(1);
        using var one = Request(HttpMethod.Get, found[0]!["uri"]!.GetValue<string>());
        using var shown = await at.Http.SendAsync(one);
        JsonNode.Parse(await shown.Content.ReadAsStringAsync())!["to"]!.GetValue<string>().ShouldBe("+33613990401");
    }

    [Fact]
    public async Task Silence_is_neither_taken_nor_answered()
    {
        using var patience = new CancellationTokenSource();
        var waiting = PostAsync("+33612990400", "msg_s", "Hello", stop: patience.Token);
        await Eventually.HoldsAsync(() => at.Sandbox.Receipts("http-sms").Any(line => line.Recipient == "+33612990400"));
        waiting.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        at.Sandbox.Receipts("http-sms").Single(line => line.Recipient == "+33612990400").ShouldSatisfyAllConditions(line => line.Accepted.ShouldBeFalse(), line => line.Answered.ShouldBeFalse());
    }

    [Theory]
    [InlineData(160, 'a', 1)]
    [InlineData(161, 'a', 2)]
    [InlineData(306, 'a', 2)]
    [InlineData(307, 'a', 3)]
    [InlineData(80, '€', 1)]
    [InlineData(81, '€', 2)]
    [InlineData(153, '€', 3)] // 76 a part: an escape is never split
    [InlineData(70, 'я', 1)]
    [InlineData(71, 'я', 2)]
    [InlineData(135, 'я', 3)]
    public void Parts_are_counted(int length, char letter, int parts) => SmsSegments.Count(new string(letter, length)).ShouldBe(parts);

    private async Task<(int Status, JsonObject Json)> PostAsync(
        string to, string messageId, string body, string from = "SHOP", string? callback = null, string? token = null, CancellationToken stop = default)
    {
        using var request = Request(HttpMethod.Post, "/2010-04-01/Accounts/ACsandbox/Messages.json", token);
        request.Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["To"] = to, ["From"] = from, ["Body"] = body, ["StatusCallback"] = callback ?? new Uri(receiver.Address, $"/hooks/http-sms/a?message_id={messageId}").ToString(),
        }.Where(field => field.Value.Length > 0));
        using var answered = await at.Http.SendAsync(request, stop);
        return ((int)answered.StatusCode, JsonNode.Parse(await answered.Content.ReadAsStringAsync(stop))!.AsObject());
    }

    private HttpRequestMessage Request(HttpMethod method, string path, string? token = null)
    {
        token ??= File.ReadAllText(at.Sandbox.Credentials.SmsTokenFile).Trim();
        return new HttpRequestMessage(method, new Uri(at.Sandbox.Endpoints.Sms, path))
        {
            Headers = { Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"ACsandbox:{token}"))) },
        };
    }
}
