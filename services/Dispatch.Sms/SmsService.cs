using Dispatch.Channels;
using Dispatch.Contracts;
using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Sms.HttpSms;
using Dispatch.Store.Control;
using Microsoft.Extensions.Options;

namespace Dispatch.Sms;

/// <summary>The SMS channel: reads `sms.*` and `retry.sms.*`, hands messages to HTTP gateways. Lanes come from `Dispatch:Lanes`.</summary>
public static class SmsService
{
    private const string HttpSms = "http-sms";

    public static IHostApplicationBuilder AddSms(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting("sms");
        builder.AddEventLog();
        builder.AddControlIfThereIsAStore(services => services.GetRequiredService<ModeBook>().Replace);
        return builder.AddChannel(Channel.Sms, ControlOf, (HttpSms, OpenHttpSms));
    }

    /// <summary>An account at a gateway; <see cref="HttpSmsOptions"/> stand beside the lane's own.</summary>
    /// <exception cref="OptionsValidationException">Lists every fault.</exception>
    public static IChannelSender OpenHttpSms(LaneOptions lane, IConfigurationSection settings, IServiceProvider services)
    {
        var options = LaneSettings.Read(lane, settings, new HttpSmsOptionsValidator());
        var callback = CallbackBase(options, services.GetRequiredService<IConfiguration>());
        return new HttpSmsSender(options, $"{callback}/hooks/{HttpSms}/{Uri.EscapeDataString(lane.Name)}", services.GetRequiredService<TimeProvider>());
    }

    /// <summary>In canonical form (host in lower case, no default port), as Ingest writes it: a gateway signs the address that it is given, to the letter.</summary>
    internal static string CallbackBase(HttpSmsOptions options, IConfiguration configuration) =>
        (options.CallbackBase ?? new Uri(Given(configuration["Dispatch:PublicUrl"]) ?? Given(configuration["Dispatch:Listen"]) ?? new DispatchOptions().Listen))
        .GetLeftPart(UriPartial.Path).TrimEnd('/');

    private static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static ChannelControl ControlOf(IServiceProvider services)
    {
        var book = services.GetRequiredService<ModeBook>();
        return new ChannelControl(() => book.Current, book.SetAutomatic, book.ClearAutomatic);
    }
}
