using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Policy;
using Dispatch.Router.Capping;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Dispatch.Store.Control;
using Microsoft.Extensions.Options;

namespace Dispatch.Router;

/// <summary>requests.* and reroute.* in, messages on their channels out: repeats, ttl, suppressions, holds, caps.</summary>
public static class RouterService
{
    public static IHostApplicationBuilder AddRouter(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting("router").AddEventLog().AddStore().AddControl(provider => provider.GetRequiredService<ModeBook>().Replace);
        var services = builder.Services;
        services.AddOptions<RouterOptions>().Bind(builder.Configuration.GetSection(RouterOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<RouterOptions>, RouterOptionsValidator>();
        services.AddOptions<Freshness>().Bind(builder.Configuration.GetSection(Freshness.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<SuppressionCopy>();
        services.AddSingleton<CapRuleBook>();
        services.AddSingleton<CapCheckpoint>();
        services.AddSingleton<HopLoop>();
        services.AddSingleton<Copies>();
        services.AddHostedService(provider => provider.GetRequiredService<Copies>());
        services.AddHostedService<CapWatch>();
        services.AddHostedService<RouterWork>();
        services.AddHealthChecks().AddCheck<RouterHealth>("router");
        return builder;
    }
}
