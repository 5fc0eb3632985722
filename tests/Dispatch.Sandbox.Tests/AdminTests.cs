using System.Net;
using System.Text;

namespace Dispatch.Sandbox.Tests;

public sealed class AdminTests : IAsyncLifetime, IDisposable
{
    private readonly SandboxFixture at = new();

    public Task InitializeAsync() => at.InitializeAsync();

    public Task DisposeAsync() => at.DisposeAsync();

    public void Dispose() => at.Dispose();

    [Fact]
    public async Task State_shows_every_provider()
    {
        await at.PushAsync(at.Push("abc"));
        await at.PushAsync(at.Push("token-410-abc"));
        var state = await at.AdminAsync("/state");
        var apns = state["providers"]!["apns"]!;
        apns["received"]!.GetValue<long>().ShouldBe(2);
        apns["accepted"]!.GetValue<long>().ShouldBe(1);
        apns["refused"]!.GetValue<long>().ShouldBe(1);
        apns["connections"]!.GetValue<long>().ShouldBe(1);
        apns["max_streams"]!.GetValue<long>().ShouldBe(1);
        apns["violations"]!.GetValue<long>().ShouldBe(0);
        apns["settings"]!["stream_limit"]!.GetValue<int>().ShouldBe(1000);
        state["providers"]!.AsObject().Select(provider => provider.Key).ShouldBe(["apns", "fcm", "smtp", "http-sms"]);
    }

    [Theory]
    [InlineData("unavailable", 503, "ServiceUnavailable")]
    [InlineData("throttle", 429, "TooManyRequests")]
    [InlineData("revoked", 403, "InvalidProviderToken")]
    [InlineData("shutdown", 503, "Shutdown")]
    [InlineData("swallow", 200, "")]
    public async Task A_mode_is_in_force_when_it_is_answered(string mode, int status, string reason)
    {
        await at.PushAsync(at.Push("before"));
        var changed = await at.AdminAsync("/settings", new { provider = "apns", mode });
        changed["apns"]!["mode"]!.GetValue<string>().ShouldBe(mode);
        (await at.PushAsync(at.Push("after"))).ShouldBe((status, reason));
        at.Sandbox.Receipts("apns").Last().Delivered.ShouldBeFalse();
        await at.AdminAsync("/settings", new { provider = "apns", mode = "normal" });
        (await at.PushAsync(at.Push("then"))).ShouldBe((200, ""));
    }

    [Fact]
    public async Task An_error_rate_is_kept_to_the_message()
    {
        await at.AdminAsync("/settings", new { provider = "apns", error_rate = 0.25, retry_after_s = 3 });
        var answers = new List<int>();
        for (var i = 0; i < 100; i++)
        {
            answers.Add((await at.PushAsync(at.Push($"t{i}"))).Status);
        }

        answers.Count(status => status == 503).ShouldBe(25);
        answers.Count(status => status == 200).ShouldBe(75);
    }

    [Fact]
    public async Task Latency_holds_every_answer_and_none_is_early()
    {
        await at.PushAsync(at.Push("warm"));
        await at.AdminAsync("/settings", new { provider = "*", latency_ms = 150 });
        var started = System.Diagnostics.Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            (await at.PushAsync(at.Push($"t{i}"))).Status.ShouldBe(200);
            started.ElapsedMilliseconds.ShouldBeGreaterThanOrEqualTo(150);
        }));
    }

    [Theory]
    [InlineData("""{"provider":"apns","latency_ms":-1}""")]
    [InlineData("""{"provider":"apns","error_rate":2}""")]
    [InlineData("""{"provider":"apns","mode":"sleepy"}""")]
    [InlineData("""{"provider":"apns","no_such_thing":1}""")]
    [InlineData("""{"provider":"apns","latency_ms":"fast"}""")]
    [InlineData("""{"provider":"nobody","latency_ms":1}""")]
    [InlineData("""{"provider":7}""")]
    [InlineData("""{"latency_ms":1}""")]
    [InlineData("""[]""")]
    [InlineData("""{""")]
    [InlineData("")]
    public async Task A_fault_is_named_and_changes_nothing(string body)
    {
        var before = at.Sandbox.Settings("apns");
        using var answer = await at.Http.PostAsync(new Uri(at.Sandbox.Endpoints.Admin, "/settings"), new StringContent(body, Encoding.UTF8, "application/json"));
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("detail");
        at.Sandbox.Settings("apns").ShouldBe(before);
    }

    [Fact]
    public async Task A_web_page_cannot_steer_it()
    {
        using var form = await at.Http.PostAsync(new Uri(at.Sandbox.Endpoints.Admin, "/reset"), new StringContent("{}", Encoding.UTF8, "text/plain"));
        form.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var rebound = new HttpRequestMessage(HttpMethod.Get, new Uri(at.Sandbox.Endpoints.Admin, "/state")) { Headers = { Host = "evil.example" } };
        using var answer = await at.Http.SendAsync(rebound);
        answer.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Reset_goes_back_to_the_start_and_keeps_the_oracle()
    {
        await at.AdminAsync("/settings", new { provider = "apns", mode = "throttle" });
        await at.PushAsync(at.Push("abc"));
        await at.AdminAsync("/reset", new { });
        at.Sandbox.Settings("apns").Mode.ShouldBe(Mode.Normal);
        at.Sandbox.Counters("apns").Received.ShouldBe(0);
        at.Sandbox.Receipts("apns").Count.ShouldBe(1);
    }
}
