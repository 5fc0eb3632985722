using System.Diagnostics;
using System.Text;

namespace Dispatch.Store.Private;

/// <summary>Runs a program to its end.</summary>
static class Shell
{
    public static async Task<(int Code, string Output)> RunAsync(IReadOnlyList<string> command, CancellationToken stop)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/", // ours may be out of reach for another user
            Environment = { ["LC_ALL"] = "C" },
        })!;
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await process.WaitForExitAsync(stop);
        return (process.ExitCode, output.ToString());

        void Append(string? line)
        {
            lock (output)
            {
                output.AppendLine(line);
            }
        }
    }

    /// <exception cref="InvalidOperationException">It ended with another code than 0; the message has what it said.</exception>
    public static async Task CheckAsync(IReadOnlyList<string> command, CancellationToken stop)
    {
        var (code, output) = await RunAsync(command, stop);
        if (code != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} ended with code {code}: {output.Trim()}");
        }
    }
}
