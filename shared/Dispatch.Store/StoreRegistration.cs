using Dispatch.Store.Private;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Dispatch.Store;

public static class StoreRegistration
{
    /// <summary>The connection string that is configured; empty: none is.</summary>
    public static string Named(IConfiguration configuration) => configuration["Dispatch:Postgres"] ?? configuration["DISPATCH_POSTGRES"] ?? "";

    /// <summary>
    /// <see cref="Database"/>, its migrations, <see cref="WriteProbe"/>, <see cref="Settlement"/> and the health check "postgres"; without a connection string also the private server.
    /// Safe to call from every service of a process.
    /// </summary>
    public static IHostApplicationBuilder AddStore(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        if (services.Any(service => service.ServiceType == typeof(Database)))
        {
            return builder;
        }

        var configuration = builder.Configuration;
        services.AddOptions<StoreOptions>()
            .Bind(configuration.GetSection("Dispatch:Store"))
            .Configure(options =>
            {
                options.ConnectionString = Named(configuration);
                options.Data = configuration["Dispatch:Data"] ?? options.Data;
            })
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<StoreOptions>, StoreOptionsValidator>();
        services.TryAddSingleton(TimeProvider.System);

        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<StoreOptions>>().Value;
            var connectionString = options.ConnectionString.Length > 0 ? options.ConnectionString : provider.GetRequiredService<PrivateServer>().ConnectionString;
            return new Database(connectionString, options.ConnectionsMax);
        });
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<StoreOptions>>().Value;
            return new PrivateServer(Path.Combine(options.Data, "postgres"), options.Durable);
        });
        services.AddSingleton<WriteProbe>();
        services.AddSingleton<Settlement>();
        services.AddSingleton<CapRules>();
        services.AddSingleton<SuppressionStore>();
        services.AddHostedService<PrivatePostgres>(); // first: hosted services stop in the opposite order
        services.AddHostedService<Migrator>();
        services.AddHostedService<DayKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<WriteProbe>());
        services.AddHealthChecks().AddCheck<StoreHealth>("postgres");
        return builder;
    }
}

/// <summary>Healthy: read and written. Degraded: everything that must work without the store still does.</summary>
sealed class StoreHealth(Database database, WriteProbe probe) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (probe.Writable)
        {
            return HealthCheckResult.Healthy($"read and written since {probe.Since:O}");
        }

        try
        {
            await using var connection = await database.OpenAsync(cancellationToken);
            await connection.Statement("probe/read").ScalarAsync<int>(cancellationToken);
            return HealthCheckResult.Degraded($"read, but not written since {probe.Since:O}: {probe.Reason}");
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) || e is Npgsql.NpgsqlException)
        {
            return HealthCheckResult.Degraded($"away since {probe.Since:O}: {e.Message}");
        }
    }
}
