using System.Diagnostics;

namespace Dispatch.Deployment.Tests;

/// <summary>Programs beside the project that read manifests as their targets do.</summary>
static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    public static string Project { get; } = Find();

    public static string Folder { get; } = Path.GetFullPath(Path.Combine(Project, "..", "shared", "tools"));

    /// <returns>What it said, and how it ended.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(string name, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Folder, name), arguments) { WorkingDirectory = Project, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync()).WaitAsync(Patience);
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(said));
    }

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Dispatch.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("no Dispatch.sln above the tests");
        }

        return folder.FullName;
    }
}

/// <summary>Skipped, with the reason, where the tools are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class TheoryWithToolsAttribute : TheoryAttribute
{
    public TheoryWithToolsAttribute() => Skip = Directory.Exists(Tool.Folder) ? null : $"{Tool.Folder} is not there";
}

/// <summary>Skipped, with the reason, where there is no Kubernetes API server, or no etcd for it.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class TheoryWithKubernetesAttribute : TheoryAttribute
{
    public TheoryWithKubernetesAttribute() => Skip =
        !Directory.Exists(Tool.Folder) ? $"{Tool.Folder} is not there"
        : !(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "etcd"))) ? "the Kubernetes API server needs etcd: apt-get install etcd-server"
        : null;
}
