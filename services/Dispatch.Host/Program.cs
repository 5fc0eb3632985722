using Dispatch.Email;
using Dispatch.Feedback;
using Dispatch.Host;
using Dispatch.Hosting;
using Dispatch.Ingest;
using Dispatch.Log;
using Dispatch.Push;
using Dispatch.Router;
using Dispatch.Sandbox;
using Dispatch.Sms;
using Microsoft.Extensions.Options;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
builder.Configuration.AddCommandLine([.. args.SkipWhile(it => !it.StartsWith('-')).Where(it => !TopicsCommand.Flags.Contains(it))], LocalDefaults.Switches);
LocalDefaults.Add(builder.Configuration);
try
{
    if (args is ["migrate", ..])
    {
        return await MigrateCommand.RunAsync(builder.Configuration);
    }

    if (args is ["topics", ..])
    {
        return await TopicsCommand.RunAsync(args, builder.Configuration);
    }

    if (args is ["adopt", ..])
    {
        return await AdoptCommand.RunAsync(args, builder.Configuration);
    }

    await using var kafka = await LocalKafka.StartAsync(builder.Configuration);
    return await RunAsync(builder);
}
catch (Exception e) when (e is InvalidOperationException or OptionsValidationException or IOException or LogUnavailableException)
{
    // A folder or a port that somebody else has, a setting that is wrong: the message says what, and a stack trace would hide it.
    await Console.Error.WriteLineAsync($"dispatch: {e.Message}");
    return 1;
}

static async Task<int> RunAsync(WebApplicationBuilder builder)
{
    builder.AddDispatchHosting("host");
    if (LocalDefaults.UsesSandbox(builder.Configuration))
    {
        builder.AddSandbox();
    }

    builder.AddIngest();
    builder.AddRouter();
    builder.AddPush();
    builder.AddEmail();
    builder.AddSms();
    builder.AddFeedback();
    builder.Services.AddHostedService<Welcome>();
    await using var app = builder.Build();
    app.MapIngest();
    await app.RunAsync();
    return 0;
}
