using Dispatch.Push;
using Dispatch.Hosting;

// The push dispatcher on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
return await ServiceProgram.RunAsync(() =>
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.AddPush();
    return builder.Build();
});
