using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatch.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Hosting;

/// <summary>
/// Probes, numbers and the switches of last resort, on a port of their own with a server of its own: a flooded API cannot make its process look dead,
/// and nobody who can only reach the API can switch anything here. Needs neither log nor database.
/// </summary>
sealed class AdminServer(
    IOptions<DispatchOptions> options, HealthCheckService health, ModeBook modes, Metrics metrics, TimeProvider clock, ILoggerFactory loggers) : IHostedService
{
    private readonly ILogger _log = loggers.CreateLogger<AdminServer>();
    private WebApplication? _app;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(options.Value.AdminListen);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(loggers);
        _app = builder.Build();
        _app.Use((context, next) => IsAddressed(context.Request) ? next(context) : RefuseAsync(context));
        _app.MapGet("/healthz/live", () => Results.Json(new { status = "live" }));
        _app.MapGet("/healthz/ready", ReadyAsync);
        _app.MapGet("/metrics", () => Results.Text(metrics.Text(), "text/plain; version=0.0.4"));
        _app.MapGet("/control/modes", () => Results.Json(modes.Current.Modes, AdminJson.Options));
        _app.MapPost("/control/modes", SwitchAsync);
        await _app.StartAsync(cancellationToken);
        _log.AdminListening(options.Value.AdminListen);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_app is not null)
        {
            await _app.StopAsync(cancellationToken);
            await _app.DisposeAsync();
        }
    }

    /// <summary>
    /// A web page that somebody opens on this machine must not be able to switch anything: it reaches this port by a name that is not its own (DNS rebinding), or by a
    /// simple form post. Addresses and the configured name are taken, and bodies only as what no form can send.
    /// </summary>
    private bool IsAddressed(HttpRequest request) =>
        (IPAddress.TryParse(request.Host.Host.Trim('[', ']'), out _) || request.Host.Host is "localhost"
            || string.Equals(request.Host.Host, BindingAddress.Parse(options.Value.AdminListen).Host, StringComparison.OrdinalIgnoreCase))
        && (HttpMethods.IsGet(request.Method) || request.HasJsonContentType());

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return context.Response.WriteAsJsonAsync(
            new { errors = new[] { "only by this machine's address, and changes only with Content-Type: application/json" } }, AdminJson.Options);
    }

    /// <summary>Dependency by dependency. 200 while this process can do its work, degraded or not; 503 only when it cannot.</summary>
    private async Task<IResult> ReadyAsync(CancellationToken stop)
    {
        var report = await health.CheckHealthAsync(stop);
        var body = new
        {
            status = AdminJson.Word(report.Status),
            checks = report.Entries.ToDictionary(check => check.Key, check => new
            {
                status = AdminJson.Word(check.Value.Status),
                detail = check.Value.Description ?? "",
                data = check.Value.Data,
            }),
        };
        return Results.Json(body, AdminJson.Options, statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    private async Task<IResult> SwitchAsync(HttpRequest request, CancellationToken stop)
    {
        ModeChange? change;
        try
        {
            change = await JsonSerializer.DeserializeAsync<ModeChange>(request.Body, AdminJson.Options, stop);
        }
        catch (JsonException e)
        {
            return Results.Json(new { errors = new[] { $"{e.Path}: {e.Message}" } }, AdminJson.Options, statusCode: StatusCodes.Status400BadRequest);
        }

        var faults = change is null ? ["the body is empty"] : change.Faults().ToList();
        if (faults.Count > 0)
        {
            return Results.Json(new { errors = faults }, AdminJson.Options, statusCode: StatusCodes.Status400BadRequest);
        }

        var mode = change!.ToMode(clock.GetUtcNow());
        if (change.DryRun)
        {
            return Results.Json(mode, AdminJson.Options);
        }

        modes.Set(mode);
        _log.SwitchedLocally(mode.Switch, mode.Value, mode.Scope, mode.Owner, mode.Reason);
        return Results.Json(mode, AdminJson.Options);
    }
}

static class AdminJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        WriteIndented = true,
    };

    public static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "ready",
        HealthStatus.Degraded => "degraded",
        _ => "unready",
    };
}
