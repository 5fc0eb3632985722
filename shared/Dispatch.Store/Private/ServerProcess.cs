using System.Globalization;
using System.Text;

namespace Dispatch.Store.Private;

/// <summary>
/// Whether a server lives in a folder. postmaster.pid alone does not say: after a reboot its number may be anybody's, and where process 1 buries nobody a killed server
/// stays in the table as a zombie. PostgreSQL itself would then refuse to start. Command lines are exact, and everybody may read them.
/// </summary>
static class ServerProcess
{
    private const string Table = "/proc";

    public static bool CanLook { get; } = Directory.Exists("/proc/self");

    /// <returns>The number in postmaster.pid, alive or not; null: there is none.</returns>
    public static int? Recorded(string folder)
    {
        try
        {
            return int.Parse(File.ReadLines(Path.Combine(folder, "postmaster.pid")).First(), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or FormatException or InvalidOperationException or UnauthorizedAccessException)
        {
            return null; // none, or half written
        }
    }

    /// <summary>The postmaster of this folder lives; it may still be starting.</summary>
    public static bool Lives(string folder) => Recorded(folder) is { } id && CommandLine(id).Contains($"\0-D\0{folder}\0", StringComparison.Ordinal);

    /// <summary>Somebody works in this folder, if only a child that has not yet noticed that its postmaster died.</summary>
    public static bool AnyLives(string folder, string clusterName) => Directory.EnumerateDirectories(Table).Any(directory =>
        int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
        && CommandLine(id) is var line
        && (line.StartsWith($"postgres: {clusterName}: ", StringComparison.Ordinal) || (line.Contains("postgres\0", StringComparison.Ordinal) && line.Contains($"\0-D\0{folder}\0", StringComparison.Ordinal))));

    private static string CommandLine(int id)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"{Table}/{id.ToString(CultureInfo.InvariantCulture)}/cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it ended meanwhile
        }
    }
}
