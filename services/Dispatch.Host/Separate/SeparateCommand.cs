using Dispatch.Hosting;
using Dispatch.Log.Kafka;
using Dispatch.Store;
using Dispatch.Store.Private;

namespace Dispatch.Host.Separate;

/// <summary>`up --separate`: the same services, each in a process of its own, looked after by this one.</summary>
static class SeparateCommand
{
    public const string Flag = "--separate";

    /// <exception cref="InvalidOperationException">It cannot work; says what to do.</exception>
    public static void Check(IConfiguration configuration, bool separate)
    {
        if (!separate)
        {
            if (configuration[ServiceInstance.InstancesKey] is not null)
            {
                throw new InvalidOperationException("--instances needs --separate: in one process there is one of each service");
            }

            return;
        }

        if (!KafkaClusters.AreConfigured(configuration))
        {
            throw new InvalidOperationException("--separate needs Kafka, because processes cannot share the log in files: add --kafka HOST:PORT[,...], or --kafka auto to start a broker from KAFKA_HOME");
        }

        InstancesOf(configuration);
    }

    public static async Task<int> RunAsync(IConfigurationManager configuration)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddConfiguration(configuration);
        builder.Logging.AddConfiguration(configuration.GetSection("Logging")).AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan); // every step has a limit of its own
        builder.Services.AddOptions<DispatchOptions>().Bind(configuration.GetSection("Dispatch")).ValidateDataAnnotations().ValidateOnStart();
        var postgres = StoreRegistration.Named(configuration);
        if (postgres.Length == 0)
        {
            builder.AddStore(); // the private server, which outlives the services: what is added first stops last
            postgres = new PrivateServer(Path.Combine(configuration["Dispatch:Data"]!, "postgres")).ConnectionString;
        }

        builder.Services.AddSingleton(provider => new Supervisor(
            InstancesOf(configuration), instance => ChildSettings.Of(instance, configuration, postgres), provider.GetRequiredService<ILogger<Supervisor>>()));
        builder.Services.AddHostedService(provider => provider.GetRequiredService<Supervisor>());
        builder.Services.AddHostedService<Welcome>();
        using var host = builder.Build();
        await host.RunAsync();
        return 0;
    }

    private static IReadOnlyList<ServiceInstance> InstancesOf(IConfiguration configuration) => ServiceInstance.Of(
        configuration.GetValue("Dispatch:Port", LocalDefaults.PortDefault), configuration[ServiceInstance.InstancesKey], LocalDefaults.UsesSandbox(configuration));
}
