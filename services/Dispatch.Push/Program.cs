using Dispatch.Push;

// The push dispatcher on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
var builder = Host.CreateApplicationBuilder(args);
builder.AddPush();
await builder.Build().RunAsync();
