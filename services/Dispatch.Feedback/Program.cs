using Dispatch.Feedback;

// Feedback on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
var builder = Host.CreateApplicationBuilder(args);
builder.AddFeedback();
await builder.Build().RunAsync();
