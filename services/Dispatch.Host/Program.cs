using Dispatch.Email;
using Dispatch.Feedback;
using Dispatch.Host;
using Dispatch.Hosting;
using Dispatch.Ingest;
using Dispatch.Push;
using Dispatch.Router;
using Dispatch.Sandbox;
using Dispatch.Sms;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
builder.Configuration.AddCommandLine([.. args.SkipWhile(it => !it.StartsWith('-'))], LocalDefaults.Switches);
LocalDefaults.Add(builder.Configuration);
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

var app = builder.Build();
app.MapIngest();
await app.RunAsync();
