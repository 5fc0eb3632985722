using Dispatch.Contracts;
using Dispatch.Log.Clusters;
using Dispatch.Log.Files;
using Dispatch.Log.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Log;

/// <summary>Puts the log among a program's services.</summary>
public static class LogRegistration
{
    /// <summary>
    /// <see cref="IEventLog"/> with every topic of <see cref="Topics.All"/>: on Kafka when clusters are configured (<see cref="KafkaClusters"/>), else in files, from <c>Dispatch:Log</c>, in
    /// <c>{Dispatch:Data}/log</c> unless set. Made before any hosted service starts: a folder that another process holds, or settings that make no sense, stop the program with a clear message. May be called more than once.
    /// </summary>
    public static IHostApplicationBuilder AddEventLog(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(IEventLog)))
        {
            return builder;
        }

        if (KafkaClusters.AreConfigured(builder.Configuration))
        {
            AddKafka(builder);
        }
        else
        {
            AddFiles(builder);
        }

        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, LogOpener>());
        return builder;
    }

    private static void AddKafka(IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<KafkaOptions>().ValidateOnStart(); // together with all others, so that every fault is listed at once
        services.AddSingleton<IValidateOptions<KafkaOptions>>(new KafkaClusters.Validator(builder.Configuration));
        services.AddSingleton(provider => KafkaClusters.Open(builder.Configuration, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(provider => KafkaClusters.LogOf(provider.GetRequiredService<ClusterWeights>(), provider.GetRequiredService<ILoggerFactory>()));
        services.AddHealthChecks().AddCheck<KafkaHealthCheck>("log");
    }

    private static void AddFiles(IHostApplicationBuilder builder)
    {
        var data = builder.Configuration["Dispatch:Data"] ?? "data";
        builder.Services.AddSingleton(Options.Create(Bind(builder.Configuration.GetSection("Dispatch:Log"), data)));
        builder.Services.AddSingleton(services => FileLog.Open(
            Checked(services.GetRequiredService<IOptions<FileLogOptions>>().Value), Topics.All,
            services.GetRequiredService<ILoggerFactory>().CreateLogger<FileLog>(), services.GetService<TimeProvider>()));
        builder.Services.AddSingleton<IEventLog>(services => services.GetRequiredService<FileLog>());
        builder.Services.AddHealthChecks().AddCheck<LogHealthCheck>("log");
    }

    private static FileLogOptions Bind(IConfigurationSection section, string data)
    {
        var options = section.Get<FileLogOptions>() ?? new FileLogOptions();
        return options.Folder.Length > 0 ? options : options with { Folder = Path.Combine(data, "log") };
    }

    private static FileLogOptions Checked(FileLogOptions options)
    {
        var faults = new FileLogOptionsValidator().Validate("Dispatch:Log", options);
        return faults.Failed ? throw new OptionsValidationException("Dispatch:Log", typeof(FileLogOptions), faults.Failures) : options;
    }

    /// <summary>Has it made before the services that are registered after it start to wait for it.</summary>
    private sealed class LogOpener(IEventLog log) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.FromResult(log);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

/// <summary>Generated: checks every attribute of the options.</summary>
[OptionsValidator]
sealed partial class FileLogOptionsValidator : IValidateOptions<FileLogOptions>;
