using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dispatch.Channels;

/// <summary>One call makes a service the dispatcher of a channel.</summary>
public static class ChannelRegistration
{
    /// <summary>Reads `Dispatch:Channels:{channel}` and, from `Dispatch:Lanes`, the lanes of the providers that are named here.</summary>
    /// <param name="control">How the dispatcher learns of modes; asked once.</param>
    /// <param name="providers">The channel's providers and how a sender of each is made.</param>
    public static IHostApplicationBuilder AddChannel(
        this IHostApplicationBuilder builder, Channel channel, Func<IServiceProvider, ChannelControl> control, params (string Provider, SenderFactory Sender)[] providers)
    {
        var name = Topics.Name(channel);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddOptions<Freshness>().Bind(builder.Configuration.GetSection(Freshness.Section)).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddOptions<DispatcherOptions>(name)
            .Bind(builder.Configuration.GetSection($"{DispatcherOptions.Section}:{name}")).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddKeyedSingleton(channel, (services, _) => new Dispatcher(
            channel,
            services.GetRequiredService<IOptionsMonitor<DispatcherOptions>>().Get(name),
            JournalFolder(services, name),
            [.. LaneSections.Of(builder.Configuration, [.. providers.Select(it => it.Provider)]).Select(lane => new ConfiguredLane(
                lane.Options, () => providers.First(it => it.Provider == lane.Options.Provider).Sender(lane.Options, lane.Section, services)))],
            services.GetRequiredService<IEventLog>(),
            control(services),
            services.GetRequiredService<IOptions<Freshness>>().Value,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<Dispatcher>>()));
        builder.Services.AddSingleton<IHostedService>(services => services.GetRequiredKeyedService<Dispatcher>(channel));
        builder.Services.AddHealthChecks().Add(new($"dispatcher-{name}", services => services.GetRequiredKeyedService<Dispatcher>(channel), null, null));
        return builder;
    }

    private static string JournalFolder(IServiceProvider services, string channel)
    {
        var folder = services.GetRequiredService<IOptionsMonitor<DispatcherOptions>>().Get(channel).JournalFolder;
        var data = services.GetRequiredService<IConfiguration>()["Dispatch:Data"] ?? "data";
        return folder.Length > 0 ? folder : Path.Combine(data, "journal", channel);
    }
}

/// <summary>A lane and how its sender is made; made at start, so that a bad setting stops the process with its fault.</summary>
public sealed record ConfiguredLane(LaneOptions Options, Func<IChannelSender> OpenSender);

/// <summary>The lanes of a configuration; all faults at once.</summary>
static class LaneSections
{
    /// <exception cref="OptionsValidationException">Lists every fault.</exception>
    public static IReadOnlyList<(LaneOptions Options, IConfigurationSection Section)> Of(IConfiguration configuration, IReadOnlyList<string> providers)
    {
        var lanes = configuration.GetSection(LaneOptions.Section).GetChildren().Select(section => (Options: section.Get<LaneOptions>() ?? new(), Section: section)).ToList();
        string[] faults =
        [
            .. lanes.SelectMany(lane => lane.Options.Faults()),
            .. lanes.GroupBy(lane => lane.Options.Name).Where(same => same.Count() > 1).Select(same => $"the name '{same.Key}' has {same.Count()} lanes"),
        ];
        return faults.Length == 0
            ? [.. lanes.Where(lane => providers.Contains(lane.Options.Provider))]
            : throw new OptionsValidationException(LaneOptions.Section, typeof(LaneOptions), faults);
    }
}
