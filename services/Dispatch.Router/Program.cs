using Dispatch.Router;

var builder = Host.CreateApplicationBuilder(args);
builder.AddRouter();
await builder.Build().RunAsync();
