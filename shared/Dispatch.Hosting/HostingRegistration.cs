using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Hosting;

/// <summary>What every service needs to be looked after: modes, probes, numbers, traces.</summary>
public static class HostingRegistration
{
    /// <summary>Registered once, however many services of one process ask for it; the first one's name is the process's.</summary>
    public static IHostApplicationBuilder AddDispatchHosting(this IHostApplicationBuilder builder, string service)
    {
        if (builder.Services.Any(it => it.ServiceType == typeof(ModeBook)))
        {
            return builder;
        }

        builder.Services.AddOptions<DispatchOptions>().Bind(builder.Configuration.GetSection("Dispatch")).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(services => new SnapshotFile(
            Path.Combine(services.GetRequiredService<IOptions<DispatchOptions>>().Value.Data, "control", $"{service}.json"),
            services.GetRequiredService<ILogger<SnapshotFile>>()));
        builder.Services.AddSingleton<ModeBook>();
        builder.Services.AddHealthChecks();
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None); // whoever probes is told; each probe again in the log hides what changed
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical); // why it does not start is said by ServiceProgram, without a trace; what ends a process that runs is critical
        builder.Services.AddSingleton(_ => new Metrics(service, Telemetry.Exports));
        builder.Services.AddHostedService(services => new Telemetry(service, services.GetRequiredService<Metrics>()));
        builder.Services.AddHostedService<AdminServer>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(60));
        return builder;
    }
}
