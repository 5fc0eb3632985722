namespace Dispatch.Sandbox;

public static class SandboxService
{
    /// <summary>
    /// Runs the stand-ins in this process, from configuration section Dispatch:Sandbox. Credentials are made here already, because senders read them when they start.
    /// Add it before the services that send: what is added first is stopped last, and senders want to hear the answers to what they have in flight.
    /// </summary>
    public static IHostApplicationBuilder AddSandbox(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = builder.Configuration.GetSection("Dispatch:Sandbox").Get<SandboxOptions>() ?? new SandboxOptions();
        if (builder.Configuration["Dispatch:Sandbox:Folder"] is null)
        {
            options = options with { Folder = Path.Combine(builder.Configuration["Dispatch:Data"] ?? "data", "sandbox") };
        }

        options.Validate();
        var credentials = Credentials.Ensure(options.Folder);
        if (options.BasePort != 0)
        {
            credentials.EnsureFcm(Endpoints.TokenOf(new Uri($"https://127.0.0.1:{options.BasePort + 1}")));
        }

        builder.Services.AddSingleton(options);
        builder.Services.AddHostedService<SandboxRunner>();
        return builder;
    }

    sealed class SandboxRunner(SandboxOptions options, ILoggerFactory logs) : IHostedService
    {
        Sandbox? sandbox;

        public async Task StartAsync(CancellationToken cancellationToken) => sandbox = await Sandbox.StartAsync(options, logs);

        public async Task StopAsync(CancellationToken cancellationToken)
        {
            if (sandbox is not null)
            {
                await sandbox.DisposeAsync();
            }
        }
    }
}
