using Dispatch.Email;
using Dispatch.Feedback;
using Dispatch.Host;
using Dispatch.Host.Separate;
using Dispatch.Hosting;
using Dispatch.Ingest;
using Dispatch.Push;
using Dispatch.Router;
using Dispatch.Sandbox;
using Dispatch.Sms;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
builder.Configuration.AddCommandLine([.. args.SkipWhile(it => !it.StartsWith('-')).Where(it => !TopicsCommand.Flags.Contains(it) && it != SeparateCommand.Flag)], LocalDefaults.Switches);
return await ServiceProgram.RunAsync(async () =>
{
    LocalDefaults.Add(builder.Configuration);
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

    var separate = args.Contains(SeparateCommand.Flag);
    SeparateCommand.Check(builder.Configuration, separate);

    await using var kafka = await LocalKafka.StartAsync(builder.Configuration);
    return await (separate ? SeparateCommand.RunAsync(builder.Configuration) : RunAsync(builder));
});

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
