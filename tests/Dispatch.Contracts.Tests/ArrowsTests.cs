using System.Xml.Linq;

namespace Dispatch.Contracts.Tests;

/// <summary>Who may know whom (docs/architecture.md). The project files are the architecture; this fails on an arrow that was not agreed.</summary>
public class ArrowsTests
{
    private static readonly string[] Services = ["Ingest", "Router", "Push", "Email", "Sms", "Feedback", "Sandbox"];

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["Hosting"] = ["Contracts"],
        ["Log"] = ["Contracts"],
        ["Store"] = ["Contracts"],
        ["Policy"] = ["Contracts"],
        ["Channels"] = ["Contracts", "Log", "Policy"],
        ["Ingest"] = ["Contracts", "Hosting", "Log", "Store", "Policy"],
        ["Router"] = ["Contracts", "Hosting", "Log", "Store", "Policy"],
        ["Push"] = ["Contracts", "Hosting", "Channels", "Log", "Store", "Policy"],
        ["Email"] = ["Contracts", "Hosting", "Channels", "Log", "Store", "Policy"],
        ["Sms"] = ["Contracts", "Hosting", "Channels", "Log", "Store", "Policy"],
        ["Feedback"] = ["Contracts", "Hosting", "Log", "Store", "Policy"],
        ["Sandbox"] = ["Contracts"],
        ["Host"] = ["Contracts", "Hosting", "Log", "Store", .. Services],
        ["Cli"] = ["Contracts"],
    };

    private static readonly Dictionary<string, string> OnlyIn = new()
    {
        ["Confluent.Kafka"] = "Log",
        ["Npgsql"] = "Store",
    };

    public static TheoryData<string> Projects => [.. Files().Select(NameOf)];

    [Theory, MemberData(nameof(Projects))]
    public void Project_knows_only_whom_it_may(string project)
    {
        Allowed.ShouldContainKey(project, "a new project needs its arrows agreed here and in docs/architecture.md");
        var knows = References(project, "ProjectReference").Select(path => NameOf(path.Replace('\\', '/')));
        knows.Except(Allowed[project]).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Projects))]
    public void Package_with_a_home_is_used_only_there(string project)
    {
        var strangers = References(project, "PackageReference").Concat(References(project, "Reference"))
            .Where(package => OnlyIn.TryGetValue(package, out var home) && home != project);
        strangers.ShouldBeEmpty();
    }

    [Fact]
    public void Policy_is_pure()
    {
        var clocksAndFiles = new[] { "DateTimeOffset.UtcNow", "DateTime.UtcNow", "DateTime.Now", "TimeProvider", "Stopwatch", "Random.Shared", "File.", "HttpClient", "Console." };
        var found = Directory.EnumerateFiles(Path.Combine(Root(), "shared", "Dispatch.Policy"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file => clocksAndFiles.Where(File.ReadAllText(file).Contains).Select(word => $"{Path.GetFileName(file)}: {word}"));
        found.ShouldBeEmpty();
    }

    private static IEnumerable<string> References(string project, string element) =>
        XDocument.Load(Files().Single(file => NameOf(file) == project)).Descendants(element).Select(it => (string?)it.Attribute("Include") ?? "");

    private static IEnumerable<string> Files() => new[] { "shared", "services" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root(), folder), "*.csproj", SearchOption.AllDirectories));

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(path)["Dispatch.".Length..];

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Dispatch.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException("no Dispatch.sln above the tests");
        }

        return folder.FullName;
    }
}
