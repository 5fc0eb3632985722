using System.ComponentModel.DataAnnotations;
using Dispatch.Sandbox;

try
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.AddSandbox();
    await builder.Build().RunAsync();
    return 0;
}
catch (Exception e) when (e is ValidationException or InvalidOperationException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"sandbox: {e.Message}");
    return 1;
}
