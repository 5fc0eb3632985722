using System.Diagnostics.CodeAnalysis;
using Dispatch.Channels;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Push.Apns;
using Dispatch.Push.Fcm;
using Dispatch.Push.Http2;
using Dispatch.Store.Control;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Dispatch.Push;

/// <summary>The push channel: reads `push.*` and `retry.push.*`, hands messages to APNs and FCM. Lanes come from `Dispatch:Lanes`.</summary>
[SuppressMessage("Reliability", "CA2000", Justification = "A sender owns its pool.")]
public static class PushService
{
    public static IHostApplicationBuilder AddPush(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting("push");
        builder.AddEventLog();
        builder.AddControlIfThereIsAStore(services => services.GetRequiredService<ModeBook>().Replace);
        builder.Services.TryAddSingleton<ApnsTokenBook>();
        return builder.AddChannel(Channel.Push, ControlOf, ("apns", OpenApns), ("fcm", OpenFcm));
    }

    private static ChannelControl ControlOf(IServiceProvider services)
    {
        var book = services.GetRequiredService<ModeBook>();
        return new ChannelControl(() => book.Current, book.SetAutomatic, book.ClearAutomatic);
    }

    /// <summary>An APNs lane; <see cref="ApnsOptions"/> stand beside the lane's own.</summary>
    /// <exception cref="OptionsValidationException">Lists every fault.</exception>
    public static IChannelSender OpenApns(LaneOptions lane, IConfigurationSection settings, IServiceProvider services)
    {
        var options = LaneSettings.Read(lane, settings, new ApnsOptionsValidator());
        var endpoint = options.EndpointOf(lane.Environment);
        var clock = services.GetRequiredService<TimeProvider>();
        var pool = new Http2Pool(lane.Name, endpoint, options, clock, services.GetRequiredService<ILogger<Http2Pool>>());
        return new ApnsSender(options, endpoint, services.GetRequiredService<ApnsTokenBook>().Of(options), pool, clock);
    }

    /// <summary>An FCM lane; <see cref="FcmOptions"/> stand beside the lane's own.</summary>
    /// <exception cref="OptionsValidationException">Lists every fault.</exception>
    public static IChannelSender OpenFcm(LaneOptions lane, IConfigurationSection settings, IServiceProvider services)
    {
        var options = LaneSettings.Read(lane, settings, new FcmOptionsValidator());
        var clock = services.GetRequiredService<TimeProvider>();
        var pool = new Http2Pool(lane.Name, options.Endpoint, options, clock, services.GetRequiredService<ILogger<Http2Pool>>());
        return new FcmSender(new FcmTokens(options, clock, services.GetRequiredService<ILogger<FcmTokens>>()), pool, clock);
    }
}
