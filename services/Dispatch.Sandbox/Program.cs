using Dispatch.Sandbox;

var builder = Host.CreateApplicationBuilder(args);
builder.AddSandbox();
await builder.Build().RunAsync();
