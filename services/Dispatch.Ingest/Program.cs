using Dispatch.Hosting;
using Dispatch.Ingest;

// Ingest on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
return await ServiceProgram.RunAsync(() =>
{
    var builder = WebApplication.CreateSlimBuilder(args);
    builder.AddIngest();
    return builder.Build();
}, app => app.MapIngest());
