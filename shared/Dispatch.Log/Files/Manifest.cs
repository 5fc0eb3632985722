using System.Security.Cryptography;
using System.Text.Json;

namespace Dispatch.Log.Files;

/// <param name="Id">Stands for the topic in every frame; never used twice.</param>
sealed record TopicEntry(string Name, int Id, int Partitions);

/// <summary>Who the log is: its identity, topics and declared groups, in one small file that is replaced as a whole.</summary>
sealed record Manifest(string ClusterId, IReadOnlyList<TopicEntry> Topics, IReadOnlyDictionary<string, IReadOnlyList<string>> Groups)
{
    private const string FileName = "log.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>Reads the folder's manifest or begins one; topics that it does not have yet are added, those that nobody names any more stay.</summary>
    /// <exception cref="InvalidDataException">The folder has segments but no manifest that can be read: whose records they are is unknown, so nothing is touched.</exception>
    public static Manifest Open(string folder, IEnumerable<string> topics, int partitions)
    {
        var path = Path.Combine(folder, FileName);
        var manifest = File.Exists(path) ? Read(path) : Begin(folder);
        var missing = topics.Except(manifest.Topics.Select(topic => topic.Name), StringComparer.Ordinal).ToArray();
        if (missing.Length > 0)
        {
            var next = manifest.Topics.Count == 0 ? 1 : manifest.Topics.Max(topic => topic.Id) + 1;
            manifest = manifest with { Topics = [.. manifest.Topics, .. missing.Select((name, i) => new TopicEntry(name, next + i, partitions))] };
            manifest.Save(folder);
        }

        return manifest;
    }

    public void Save(string folder) => Disk.Replace(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, Json));

    private static Manifest Begin(string folder) =>
        Directory.EnumerateFiles(folder, "*" + Segment.Extension).Any()
            ? throw new InvalidDataException($"{folder} has segments of a log but no {FileName}: bring the file back, or move the segments away to begin a new log.")
            : new Manifest(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), [], new Dictionary<string, IReadOnlyList<string>>());

    private static Manifest Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Manifest>(File.ReadAllBytes(path), Json) is { ClusterId.Length: 32 } manifest
                ? manifest
                : throw new InvalidDataException($"{path} does not name a log.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} cannot be read ({e.Message}): bring it back from a copy.", e);
        }
    }
}
