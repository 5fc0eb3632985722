using System.CommandLine;
using Dispatch.Cli.Api;
using Dispatch.Cli.Commands;

var root = new RootCommand("Dispatch: sends push, email and SMS through a log, and proves that nothing was lost.")
{
    DemoCommand.Create(), SendCommand.Create(), OperateCommands.Status(), OperateCommands.Modes(), OperateCommands.Settle(), DivertCommand.Create(), TailCommand.Create(),
};
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is ConnectionException or ApiException or HttpRequestException or TaskCanceledException or InvalidOperationException)
{
    await Console.Error.WriteLineAsync($"dispatch: {e.Message}");
    return 1;
}
