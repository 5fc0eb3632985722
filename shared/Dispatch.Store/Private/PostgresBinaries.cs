using System.Globalization;

namespace Dispatch.Store.Private;

/// <summary>The server's programs are not on this machine; the message says how to get them.</summary>
public sealed class PostgresMissingException(string message) : Exception(message);

/// <summary>Finds the folder with initdb, postgres and pg_ctl. Debian keeps them out of PATH.</summary>
static class PostgresBinaries
{
    private const int VersionMin = 13;
    private const string DebianRoot = "/usr/lib/postgresql";
    private static readonly string[] Programs = ["initdb", "postgres", "pg_ctl"];

    /// <param name="dataFolder">Where a database stands already: only its own major version can read it.</param>
    /// <exception cref="PostgresMissingException">None fits.</exception>
    public static async Task<string> FindAsync(string dataFolder, CancellationToken stop)
    {
        var versionFile = Path.Combine(dataFolder, "PG_VERSION");
        int? wanted = File.Exists(versionFile) ? int.Parse((await File.ReadAllTextAsync(versionFile, stop)).Trim(), CultureInfo.InvariantCulture) : null;
        var found = new SortedDictionary<int, string>();
        await foreach (var folder in CandidatesAsync(stop))
        {
            if (await VersionOfAsync(folder, stop) is { } version && version >= VersionMin)
            {
                found.TryAdd(version, folder);
            }
        }

        return wanted is { } exactly
            ? found.TryGetValue(exactly, out var same) ? same : throw new PostgresMissingException(
                $"{dataFolder} belongs to PostgreSQL {exactly}, whose programs are not here. Debian, Ubuntu: apt-get install --no-install-recommends postgresql-{exactly}")
            : found.Count > 0 ? found.Last().Value : throw new PostgresMissingException(
                "PostgreSQL's programs (initdb, postgres, pg_ctl) are in none of /usr/lib/postgresql/*/bin, PATH, pg_config --bindir. "
                + "Debian, Ubuntu: apt-get install --no-install-recommends postgresql (with create_main_cluster = false in /etc/postgresql-common/createcluster.conf); "
                + "macOS: brew install postgresql. Or set DISPATCH_POSTGRES to the connection string of a server that runs.");
    }

    private static async IAsyncEnumerable<string> CandidatesAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        if (Directory.Exists(DebianRoot))
        {
            foreach (var version in Directory.GetDirectories(DebianRoot))
            {
                yield return Path.Combine(version, "bin");
            }
        }

        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        foreach (var folder in path)
        {
            yield return folder;
        }

        if (path.Any(folder => File.Exists(Path.Combine(folder, "pg_config"))))
        {
            var answer = await Shell.RunAsync(["pg_config", "--bindir"], stop);
            yield return answer.Output.Trim();
        }
    }

    private static async Task<int?> VersionOfAsync(string folder, CancellationToken stop)
    {
        if (!Programs.All(program => File.Exists(Path.Combine(folder, program))))
        {
            return null;
        }

        // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
        var words = (await Shell.RunAsync([Path.Combine(folder, "postgres"), "--version"], stop)).Output.Split([' ', '.', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return words.Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (int?)null).FirstOrDefault(number => number is not null);
    }
}
