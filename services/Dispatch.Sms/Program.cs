using Dispatch.Sms;

// The SMS dispatcher on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
var builder = Host.CreateApplicationBuilder(args);
builder.AddSms();
await builder.Build().RunAsync();
