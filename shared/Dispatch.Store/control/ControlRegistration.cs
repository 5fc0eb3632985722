using Dispatch.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dispatch.Store.Control;

public static class ControlRegistration
{
    /// <summary>As <see cref="AddControl"/>, where a store is named: what can do without one starts none of its own for this.</summary>
    public static IHostApplicationBuilder AddControlIfThereIsAStore(this IHostApplicationBuilder builder, Func<IServiceProvider, Action<ControlSnapshot>> bring) =>
        StoreRegistration.Named(builder.Configuration).Length > 0 ? builder.AddControl(bring) : builder;

    /// <summary>Registers <see cref="ControlStore"/> and brings what it has to this process. Once a process, however many services ask for it.</summary>
    /// <param name="bring">What takes each snapshot; called from one thread.</param>
    public static IHostApplicationBuilder AddControl(this IHostApplicationBuilder builder, Func<IServiceProvider, Action<ControlSnapshot>> bring)
    {
        builder.AddStore();
        if (builder.Services.Any(it => it.ServiceType == typeof(ControlStore)))
        {
            return builder;
        }

        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ControlStore>();
        builder.Services.AddHostedService(services => new ControlFeed(
            services.GetRequiredService<Database>(), services.GetRequiredService<ControlStore>(), bring(services),
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<ControlFeed>>()));
        return builder;
    }
}
