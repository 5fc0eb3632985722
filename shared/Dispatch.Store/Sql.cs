using System.Collections.Concurrent;

namespace Dispatch.Store;

/// <summary>SQL stands in files of its own, one named statement each, and is compiled in.</summary>
public static class Sql
{
    private static readonly ConcurrentDictionary<string, string> Texts = new();

    /// <param name="name">The file without its ending: "caps/lock".</param>
    public static string Text(string name) => Texts.GetOrAdd(name, static of =>
    {
        using var stream = typeof(Sql).Assembly.GetManifestResourceStream(of) ?? throw new ArgumentException($"no SQL file {of}.sql", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    });

    internal static IEnumerable<string> Names => typeof(Sql).Assembly.GetManifestResourceNames();
}
