using Dispatch.Feedback;
using Dispatch.Hosting;

// Feedback on its own; Host runs the same registration beside the others. Its probes and switches are on the admin port.
return await ServiceProgram.RunAsync(() =>
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.AddFeedback();
    return builder.Build();
});
