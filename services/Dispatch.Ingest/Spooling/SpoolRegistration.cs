using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Ingest.Diverting;
using Dispatch.Log.Kafka;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Spooling;

static class SpoolRegistration
{
    /// <summary>Only in front of brokers: on the log in files the spool's disk would be the log's.</summary>
    public static void AddSpool(this IHostApplicationBuilder builder)
    {
        if (!KafkaClusters.AreConfigured(builder.Configuration))
        {
            return;
        }

        var services = builder.Services;
        services.AddOptions<SpoolOptions>()
            .Bind(builder.Configuration.GetSection("Dispatch:Ingest:Spool"))
            .Configure<IOptions<DispatchOptions>>((options, dispatch) => options.Folder = options.Folder.Length > 0 ? options.Folder : Path.Combine(dispatch.Value.Data, "ingest", "spool"))
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<SpoolOptions>, SpoolOptionsValidator>();
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<SpoolOptions>>().Value);
        services.AddSingleton(provider => Spool.Open(provider.GetRequiredService<SpoolOptions>(), provider.GetRequiredService<ILogger<Spool>>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new Outage(provider.GetRequiredService<SpoolOptions>().OutageAfter, provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<DiversionWatch>();
        services.AddSingleton<Originals>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<HedgedAppends>(provider, Modes(provider)));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<Drain>(provider, Modes(provider)));
        services.AddSingleton<SpoolService>();
        services.AddHostedService(provider => provider.GetRequiredService<SpoolService>());
        services.AddHealthChecks().AddCheck<SpoolService>("spool");

        // It accepts without brokers: an instance that starts during an outage must not be kept from its callers.
        services.Configure<HealthCheckServiceOptions>(health => health.Registrations.Single(check => check.Name == "log").FailureStatus = HealthStatus.Degraded);
    }

    private static Func<ControlSnapshot> Modes(IServiceProvider provider)
    {
        var book = provider.GetRequiredService<ModeBook>();
        return () => book.Current;
    }
}
