using System.Net;
using System.Net.Sockets;
using System.Text;
using Dispatch.Contracts;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Hosting.Tests;

public sealed class AdminServerTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("admin").FullName;
    private readonly HttpClient _http = new();
    private HealthStatus _store = HealthStatus.Healthy;
    private IHost _host = null!;

    public async Task InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var address = $"http://127.0.0.1:{FreePort()}";
        builder.Configuration.AddInMemoryCollection([new("Dispatch:AdminListen", address), new("Dispatch:Data", _data)]);
        builder.AddDispatchHosting("test").AddDispatchHosting("again");
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.Services.AddHealthChecks().AddCheck("store", () => new HealthCheckResult(_store, "read and written")).AddCheck("log", () => HealthCheckResult.Healthy());
        _host = builder.Build();
        await _host.StartAsync();
        _http.BaseAddress = new Uri(address);
    }

    public async Task DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _http.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Ready_tells_dependency_by_dependency()
    {
        (await ReadyAsync()).ShouldBe((HttpStatusCode.OK, "ready"));
        _store = HealthStatus.Degraded;
        (await ReadyAsync()).ShouldBe((HttpStatusCode.OK, "degraded"));
        _store = HealthStatus.Unhealthy;
        (await ReadyAsync()).ShouldBe((HttpStatusCode.ServiceUnavailable, "unready"));
        (await _http.GetAsync("/healthz/live")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("", "empty", "")]
    [InlineData("{", "torn", "")]
    [InlineData("null", "null", "empty")]
    [InlineData("""{"switch":"lights","value":"off"}""", "unknown switch", "switch: must be one of caps, dispatch, divert, feedback, ingest")]
    [InlineData("""{"switch":"feedback","value":"off"}""", "unknown value", "value: must be one of on, bypass for feedback")]
    [InlineData("""{"switch":"feedback","value":"bypass","reason":"r","owner":"o","expires_in_seconds":1}""", "too short", "expires_in_seconds: must be 60 to 604800")]
    [InlineData("""{"switch":"feedback","value":"bypass","reason":"r","owner":"o","expires_in_seconds":60,"colour":"red"}""", "unknown field", "colour")]
    [InlineData("""{"switch":"feedback","value":"bypass","reason":"r","owner":"o","expires_in_seconds":60,"channel":"pigeon"}""", "unknown channel", "channel")]
    public async Task A_wrong_switch_is_refused_with_the_reason_and_changes_nothing(string body, string why, string told)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = await _http.PostAsync("/control/modes", content);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest, why);
        (await answer.Content.ReadAsStringAsync()).ShouldContain(told);
        _host.Services.GetRequiredService<ModeBook>().Current.Modes.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_switch_of_last_resort_needs_nothing_but_this_process()
    {
        using var content = new StringContent("""{"switch":"feedback","value":"bypass","reason":"store is gone","owner":"ada","expires_in_seconds":600,"channel":"push"}""", Encoding.UTF8, "application/json");
        (await _http.PostAsync("/control/modes", content)).StatusCode.ShouldBe(HttpStatusCode.OK);
        var modes = _host.Services.GetRequiredService<ModeBook>();
        modes.ValueOf(Switches.Feedback, new ModeScope(Channel.Push)).ShouldBe("bypass");
        modes.ValueOf(Switches.Feedback, new ModeScope(Channel.Email)).ShouldBe("on");
        (await _http.GetStringAsync("/control/modes")).ShouldContain("store is gone");
    }

    [Fact]
    public async Task A_dry_run_switches_nothing()
    {
        using var content = new StringContent(
            """{"switch":"feedback","value":"bypass","reason":"r","owner":"o","expires_in_seconds":600,"dry_run":true}""", Encoding.UTF8, "application/json");
        (await _http.PostAsync("/control/modes", content)).StatusCode.ShouldBe(HttpStatusCode.OK);
        _host.Services.GetRequiredService<ModeBook>().Current.Modes.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("text/plain", null)] // what a form of a foreign page can post
    [InlineData("application/json", "evil.example")] // a foreign name that leads here
    public async Task A_foreign_web_page_can_neither_switch_nor_read(string type, string? host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/control/modes")
        {
            Content = new StringContent("""{"switch":"feedback","value":"bypass","reason":"r","owner":"o","expires_in_seconds":600}""", Encoding.UTF8, type),
        };
        request.Headers.Host = host;
        (await _http.SendAsync(request)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var read = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        read.Headers.Host = "evil.example";
        (await _http.SendAsync(read)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        _host.Services.GetRequiredService<ModeBook>().Current.Modes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Metrics_are_lines_of_numbers()
    {
        using var meter = new System.Diagnostics.Metrics.Meter("Dispatch.Test");
        meter.CreateCounter<long>("dispatch.tests").Add(3, new KeyValuePair<string, object?>("lane", "a\"b"));
        meter.CreateHistogram<double>("dispatch.test.duration").Record(0.5);
        var text = await _http.GetStringAsync("/metrics");
        text.ShouldContain("dispatch_tests{lane=\"a\\\"b\"} 3\n");
        text.ShouldContain("dispatch_test_duration_count 1\n");
        text.ShouldContain("le=\"+Inf\"} 1\n");
    }

    private async Task<(HttpStatusCode Status, string Word)> ReadyAsync()
    {
        var answer = await _http.GetAsync("/healthz/ready");
        using var body = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        body.RootElement.GetProperty("checks").EnumerateObject().Select(it => it.Name).Order().ShouldBe(["log", "store"]);
        return (answer.StatusCode, body.RootElement.GetProperty("status").GetString()!);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
