using Dispatch.Contracts;
using Dispatch.Email;
using Dispatch.Feedback;
using Dispatch.Hosting;
using Dispatch.Ingest;
using Dispatch.Log;
using Dispatch.Push;
using Dispatch.Router;
using Dispatch.Sandbox;
using Dispatch.Sms;

namespace Dispatch.Bench.Sides;

/// <summary>What this program is when it is started as one side of a benchmark: the part under test alone, or the baseline.</summary>
static class Side
{
    public const string Verb = "side";

    /// <param name="arguments">What to be, then settings as the services take them.</param>
    public static async Task RunAsync(string[] arguments)
    {
        var builder = WebApplication.CreateBuilder(arguments[1..]);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var map = Parts[arguments[0]](builder);
        await using var app = builder.Build();
        map(app);
        await app.RunAsync();
    }

    /// <summary>By name: what is registered, and then what is mapped.</summary>
    private static readonly Dictionary<string, Func<WebApplicationBuilder, Action<WebApplication>>> Parts = new()
    {
        ["bare"] = builder =>
        {
            builder.AddDispatchHosting("bare");
            builder.WebHost.UseUrls(builder.Configuration["Dispatch:Listen"]!);
            return BareEndpoint.Map;
        },
        ["ingest"] = builder =>
        {
            builder.AddIngest();
            return app => app.MapIngest();
        },
        ["email"] = builder =>
        {
            builder.AddEventLog();
            builder.Services.AddHostedService(services => new FilledTopic(
                services.GetRequiredService<IEventLog>(), Channel.Email, builder.Configuration.GetValue<long>("Bench:Messages"),
                i => FilledTopic.Routed(Channel.Email, $"user{i}@example.org", FilledTopic.Mail)));
            builder.AddEmail();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            return _ => { };
        },
        ["push"] = builder =>
        {
            builder.AddEventLog();
            builder.Services.AddHostedService(services => new FilledTopic(
                services.GetRequiredService<IEventLog>(), Channel.Push, builder.Configuration.GetValue<long>("Bench:Messages"), FilledTopic.Notification));
            builder.AddPush();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            return _ => { };
        },
        ["host"] = builder =>
        {
            builder.AddDispatchHosting("host");
            builder.AddIngest();
            builder.AddRouter();
            builder.AddPush();
            builder.AddEmail();
            builder.AddSms();
            builder.AddFeedback();
            return app => app.MapIngest();
        },
        ["sandbox"] = builder =>
        {
            builder.AddDispatchHosting("sandbox");
            builder.AddSandbox();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            return _ => { };
        },
    };
}
