using Dispatch.Channels;
using Dispatch.Contracts;
using Dispatch.Email.Smtp;
using Dispatch.Hosting;
using Dispatch.Log;
using Dispatch.Store.Control;
using Microsoft.Extensions.Options;

namespace Dispatch.Email;

/// <summary>The email channel: reads `email.*` and `retry.email.*`, hands mails to SMTP relays. Lanes come from `Dispatch:Lanes`.</summary>
public static class EmailService
{
    public static IHostApplicationBuilder AddEmail(this IHostApplicationBuilder builder)
    {
        builder.AddDispatchHosting("email");
        builder.AddEventLog();
        builder.AddControlIfThereIsAStore(services => services.GetRequiredService<ModeBook>().Replace);
        return builder.AddChannel(Channel.Email, ControlOf, ("smtp", OpenSmtp));
    }

    /// <summary>A relay; <see cref="SmtpOptions"/> stand beside the lane's own.</summary>
    /// <exception cref="OptionsValidationException">Lists every fault.</exception>
    public static IChannelSender OpenSmtp(LaneOptions lane, IConfigurationSection settings, IServiceProvider services) =>
        new SmtpSender(LaneSettings.Read(lane, settings, new SmtpOptionsValidator()));

    private static ChannelControl ControlOf(IServiceProvider services)
    {
        var book = services.GetRequiredService<ModeBook>();
        return new ChannelControl(() => book.Current, book.SetAutomatic, book.ClearAutomatic);
    }
}
