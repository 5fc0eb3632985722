using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Auth;
using Dispatch.Ingest.Diverting;
using Dispatch.Ingest.Events;
using Dispatch.Ingest.Hooks;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Messages;
using Dispatch.Ingest.OpenApi;
using Dispatch.Ingest.Operate;
using Dispatch.Ingest.Reads;
using Dispatch.Ingest.Resources;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Store;
using Dispatch.Store.Control;
using Dispatch.Store.Idempotency;
using Dispatch.Store.Keys;
using Dispatch.Store.Queries;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest;

/// <summary>The public API: takes messages, events and receipts in, and answers what became of them.</summary>
public static class IngestService
{
    private const string Name = "ingest";

    public static IHostApplicationBuilder AddIngest(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting(Name);
        builder.AddEventLog();
        builder.AddControl(services => services.GetRequiredService<ModeBook>().Replace);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // lines, a scope and an activity for every request; our own telemetry has them
        var services = builder.Services;
        services.AddOptions<IngestOptions>()
            .Bind(builder.Configuration.GetSection("Dispatch:Ingest"))
            .Configure<IOptions<DispatchOptions>>((options, dispatch) =>
            {
                options.RecipientKeyFile = Given(builder.Configuration["Dispatch:Secrets:RecipientKeyFile"], Path.Combine(dispatch.Value.Data, "secrets", "recipient-key"));
                options.FirstKeyFile = Given(builder.Configuration["Dispatch:Secrets:FirstKeyFile"], Path.Combine(dispatch.Value.Data, "secrets", "first-key"));
                options.PublicUrl = new Uri(Given(builder.Configuration["Dispatch:PublicUrl"], dispatch.Value.Listen));
            })
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<IngestOptions>, IngestOptionsValidator>();
        // From the configuration, not the validated options: the server is made before they are validated, and the first fault would hide the others.
        services.Configure<KestrelServerOptions>(kestrel => Limit(kestrel, Given(builder.Configuration["Dispatch:Listen"], new DispatchOptions().Listen)));
        services.Configure<SocketTransportOptions>(sockets => sockets.WaitForDataBeforeAllocatingBuffer = false); // a system call less a request, for 4 KiB a connection
        AddDoor(services);
        builder.AddSpool();

        services.AddSingleton(provider => new RecipientKey(SecretFile.RecipientKey(provider.GetRequiredService<IOptions<IngestOptions>>().Value.RecipientKeyFile)));
        services.AddSingleton<Recipients>();
        services.AddSingleton(provider => new RecentMessages(provider.GetRequiredService<IOptions<IngestOptions>>().Value.MessagesRemembered));
        services.AddSingleton<Appender>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton<Degraded>();
        services.AddSingleton<Gate>();
        services.AddSingleton<PostMessages>();
        services.AddSingleton<PostBatch>();
        services.AddSingleton<PostEvents>();
        services.AddSingleton<Replays>();
        services.AddSingleton<MessageQueries>();
        services.AddSingleton<StatQueries>();
        services.AddSingleton<ReadMessages>();
        services.AddSingleton<ReadStats>();
        services.AddSingleton<ReadStatus>();
        services.TryAddSingleton<CapRules>();
        services.TryAddSingleton<SuppressionStore>();
        services.AddSingleton<CapResource>();
        services.AddSingleton<SuppressionResource>();
        services.AddSingleton<ModeResource>();
        services.AddSingleton<DivertResource>();
        services.AddSingleton<QuarantineResource>();
        services.AddSingleton<HeldResource>();
        services.AddSingleton<KeyResource>();
        services.TryAddSingleton<Settlement>();
        services.AddSingleton<SettlementResource>();
        services.AddSingleton(provider => new HookLanes(builder.Configuration, provider.GetRequiredService<IOptions<IngestOptions>>().Value.PublicUrl!));
        services.AddSingleton<HttpSmsHook>();
        services.AddSingleton<Api>();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, WireJson.Default);
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        services.AddSingleton<DescriptionBytes>();
        services.AddOpenApi(DescriptionBytes.Document, options => options.AddDocumentTransformer((document, context, stop) =>
            Description.FillAsync(document, context, context.ApplicationServices.GetRequiredService<Api>().Calls, stop)));
        services.AddSingleton<Rehearsal>();
        services.AddHostedService(provider => provider.GetRequiredService<Rehearsal>());
        services.AddHealthChecks().AddCheck<Rehearsal>("rehearsal").AddCheck<Appender>("log.append").AddCheck<DoorHealth>("idempotency").AddCheck<KeyRing>("keys");
        return builder;
    }

    public static WebApplication MapIngest(this WebApplication app)
    {
        app.UseRouting();
        // Only for what is no call of ours, or not with that method: a call answers for itself, and should not pay for this.
        app.UseWhen(http => http.GetEndpoint() is not RouteEndpoint, others => others.UseStatusCodePages(
            context => Problem.OfStatus(context.HttpContext.Response.StatusCode).WriteAsync(context.HttpContext)));
        foreach (var call in app.Services.GetRequiredService<Api>().Calls)
        {
            app.MapMethods(call.Path, [call.Method], call.Run).ExcludeFromDescription(); // described from the same table, not by reflection
        }

        app.MapGet($"/openapi/{DescriptionBytes.Document}.json", app.Services.GetRequiredService<DescriptionBytes>().AnswerAsync).ExcludeFromDescription();
        return app;
    }

    private static void AddDoor(IServiceCollection services)
    {
        services.AddSingleton<KeyStore>();
        services.AddSingleton(provider => new KeySnapshot(InData(provider, "keys.json"), provider.GetRequiredService<ILogger<KeySnapshot>>()));
        services.AddSingleton<FirstKey>();
        services.AddSingleton<KeyRing>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyRing>());
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<KeyRecovery>();
        services.AddSingleton(provider => new BlindnessFile(InData(provider, "blind-since"), provider.GetRequiredService<ILogger<BlindnessFile>>()));
        services.AddSingleton<Door>();
        services.AddHostedService(provider => provider.GetRequiredService<Door>());
        services.AddHostedService<KeySweeper>();
    }

    /// <summary>Bounds what a stranger can make the server hold before anything of ours runs.</summary>
    private static void Limit(KestrelServerOptions kestrel, string listen)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1_024;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 8 * 1_024;
        kestrel.Limits.MaxRequestBodySize = 64 * 1_024 * 1_024; // each call has its own limit below this
        kestrel.Limits.MaxConcurrentConnections = 10_000;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        kestrel.Listen(listen);
    }

    private static void Listen(this KestrelServerOptions kestrel, string url)
    {
        var address = BindingAddress.Parse(url);
        if (address.Host is "localhost")
        {
            kestrel.ListenLocalhost(address.Port);
        }
        else if (System.Net.IPAddress.TryParse(address.Host, out var ip))
        {
            kestrel.Listen(ip, address.Port);
        }
        else
        {
            kestrel.ListenAnyIP(address.Port);
        }
    }

    private static string InData(IServiceProvider provider, string file) =>
        Path.Combine(provider.GetRequiredService<IOptions<DispatchOptions>>().Value.Data, Name, file);

    private static string Given(string? value, string otherwise) => string.IsNullOrEmpty(value) ? otherwise : value;
}
