using System.Diagnostics;

namespace Dispatch.Channels.Tests;

/// <summary>This suite as a child process; killed with -9, at the latest when the test ends.</summary>
sealed class Victim : IDisposable
{
    private readonly Process _process;

    private Victim(Process process) => _process = process;

    public StreamReader Output => _process.StandardOutput;

    public static Victim Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(typeof(Victim).Assembly.Location);
        Array.ForEach(arguments, start.ArgumentList.Add);
        return new Victim(Process.Start(start)!);
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }
}
