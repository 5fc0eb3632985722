using System.Diagnostics;
using System.Globalization;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>
/// Lets a process start as if it had processors of its own: what it compiles takes nothing away from those that work. Needs the right to take a low priority back; without it, processes start as they are.
/// </summary>
static class Aside
{
    private const int Lowest = 19;

    /// <param name="ready">Returns when it does what it is there for.</param>
    public static async Task StartAsync(int processId, Func<Task> ready)
    {
        await SetNiceAsync(processId, Lowest); // of its first thread, which makes the others
        await ready();
        await SetNiceAsync(processId, 0);
    }

    private static async Task SetNiceAsync(int processId, int nice)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        var threads = Directory.EnumerateDirectories($"/proc/{processId}/task").Select(path => Path.GetFileName(path));
        using var renice = Process.Start(new ProcessStartInfo("renice", ["-n", nice.ToString(CultureInfo.InvariantCulture), "-p", .. threads])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, // it tells of each; and of those that ended meanwhile
        })!;
        await Task.WhenAll(renice.StandardOutput.ReadToEndAsync(), renice.StandardError.ReadToEndAsync(), renice.WaitForExitAsync());
    }
}
