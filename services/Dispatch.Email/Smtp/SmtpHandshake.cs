using System.Text;
using Dispatch.Contracts;
using Dispatch.Email.Mime;

namespace Dispatch.Email.Smtp;

/// <summary>
/// From the banner to where mail may be sent: EHLO, STARTTLS, EHLO again, AUTH.
/// Promise: with TLS required nothing but EHLO and STARTTLS is said in the clear, and no password leaves before TLS stands (or the options allow it on loopback).
/// </summary>
sealed class SmtpHandshake(SmtpWire wire, SmtpOptions options)
{
    /// <returns>What the relay can; or why it will not do.</returns>
    public async ValueTask<(SmtpCapabilities? Capabilities, Attempt? Refused)> RunAsync()
    {
        if (options.ImplicitTls)
        {
            await SecureAsync();
        }

        if (await wire.ReadAsync(options.CommandTimeout) is { IsPositive: false } banner)
        {
            return (null, Verdict(SmtpStage.Connect, banner));
        }

        var (capabilities, refused) = await HelloAsync();
        if (capabilities is { } clear && !wire.IsSecure && options.StartTls == StartTls.Required)
        {
            (capabilities, refused) = await UpgradeAsync(clear);
        }

        if (capabilities is not null && options.User.Length > 0)
        {
            refused = await LogInAsync(capabilities);
        }

        return refused is null ? (capabilities, null) : (null, refused);
    }

    private async ValueTask<(SmtpCapabilities? Capabilities, Attempt? Refused)> HelloAsync()
    {
        var reply = await AskAsync($"EHLO {options.Hello}\r\n", keepText: true);
        if (reply.IsPositive)
        {
            return (SmtpCapabilities.Parse(reply.Text), null);
        }

        // Only a relay that needs neither TLS nor AUTH from us can do with the old greeting.
        if (reply.Code is < 500 or > 504 || (options.StartTls == StartTls.Required && !wire.IsSecure) || options.User.Length > 0)
        {
            return (null, Verdict(SmtpStage.Connect, reply));
        }

        reply = await AskAsync($"HELO {options.Hello}\r\n");
        return reply.IsPositive ? (SmtpCapabilities.None, null) : (null, Verdict(SmtpStage.Connect, reply));
    }

    private async ValueTask<(SmtpCapabilities? Capabilities, Attempt? Refused)> UpgradeAsync(SmtpCapabilities clear)
    {
        if (!clear.StartTls)
        {
            return (null, Attempt.Retry(Scope.Provider, "starttls_not_offered", SmtpVerdicts.TurnedAway));
        }

        var reply = await AskAsync("STARTTLS\r\n");
        if (reply.Code != 220)
        {
            return (null, Verdict(SmtpStage.Connect, reply));
        }

        await SecureAsync();
        return await HelloAsync();
    }

    private ValueTask SecureAsync() => wire.SecureAsync(options.Endpoint.IdnHost, options.TrustFile, options.CommandTimeout);

    /// <returns>Null: we are in.</returns>
    private async ValueTask<Attempt?> LogInAsync(SmtpCapabilities capabilities)
    {
        string password;
        try
        {
            password = (await File.ReadAllTextAsync(options.PasswordFile)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Attempt.Retry(Scope.Credential, "password_file_cannot_be_read");
        }

        if (!capabilities.AuthPlain && !capabilities.AuthLogin)
        {
            return Attempt.Retry(Scope.Credential, "auth_not_offered");
        }

        var reply = capabilities.AuthPlain
            ? await AskAsync($"AUTH PLAIN {Base64($"\0{options.User}\0{password}")}\r\n")
            : await LogInInStepsAsync(password);
        return reply.IsPositive ? null : Verdict(SmtpStage.Auth, reply);
    }

    private async ValueTask<SmtpReply> LogInInStepsAsync(string password)
    {
        var reply = await AskAsync("AUTH LOGIN\r\n");
        foreach (var answer in (string[])[options.User, password])
        {
            if (reply.Code != 334)
            {
                break;
            }

            reply = await AskAsync($"{Base64(answer)}\r\n");
        }

        return reply;
    }

    private async ValueTask<SmtpReply> AskAsync(string command, bool keepText = false)
    {
        wire.Out.Write(command);
        await wire.FlushAsync(options.CommandTimeout);
        return await wire.ReadAsync(options.CommandTimeout, keepText);
    }

    private static Attempt Verdict(SmtpStage stage, SmtpReply reply) => SmtpVerdicts.Of(stage, reply, recipient: "");

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
