using System.Diagnostics;

namespace Dispatch.Log.Tests;

/// <summary>A real file system of a few megabytes.</summary>
sealed class SmallDisk : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("dispatch-disk-").FullName;

    public SmallDisk(int kilobytes) => Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", _folder);

    public string this[string name] => Path.Combine(_folder, name);

    public void Dispose()
    {
        Run("umount", "-l", _folder);
        Directory.Delete(_folder);
    }

    public static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {output}");
    }
}

/// <summary>For tests that mount a file system.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class FactWithMountAttribute : FactAttribute
{
    private static readonly Lazy<string?> Why = new(() =>
    {
        try
        {
            new SmallDisk(64).Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return $"cannot mount a small file system here (root is needed): {e.Message}";
        }
    });

    public FactWithMountAttribute() => Skip = Why.Value;
}

/// <summary>For tests that put a library of their own before libc.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class FactWithCompilerAttribute : FactAttribute
{
    public FactWithCompilerAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/gcc"))
        {
            Skip = "needs Linux and gcc, to build a library whose fdatasync fails";
        }
    }
}
