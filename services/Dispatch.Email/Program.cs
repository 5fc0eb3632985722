using Dispatch.Email;
using Dispatch.Hosting;

// The email dispatcher on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
return await ServiceProgram.RunAsync(() =>
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.AddEmail();
    return builder.Build();
});
