using System.Globalization;
using Dispatch.Sandbox;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Configuration.Memory;

namespace Dispatch.Host;

/// <summary>
/// What makes `up` work without a configuration: everything below one data folder, ports in a row, and lanes to the Sandbox for every provider.
/// Anything that is configured comes before it: `dispatch.json` in the data folder, then the environment, then arguments. Lanes of your own replace these and leave the
/// Sandbox out.
/// </summary>
static class LocalDefaults
{
    public const int PortDefault = 8080;
    private const int SandboxOffset = 10;
    private const int Relays = 2;

    /// <summary>The short names of the arguments.</summary>
    public static Dictionary<string, string> Switches { get; } = new() { ["--data"] = "Dispatch:Data", ["--port"] = "Dispatch:Port", ["--kafka"] = "Dispatch:Kafka:Brokers", ["--instances"] = "Dispatch:Instances" };

    public static bool UsesSandbox(IConfiguration configuration) => configuration.GetValue("Dispatch:Sandbox:Enabled", true);

    /// <param name="configuration">What is configured so far; the defaults are put behind it.</param>
    /// <exception cref="ArgumentException">A port that leaves no room for the others.</exception>
    public static void Add(IConfigurationManager configuration)
    {
        var data = Path.GetFullPath(configuration["Dispatch:Data"] ?? "data");
        var port = configuration.GetValue("Dispatch:Port", PortDefault);
        if (port is < 1 or > 65_000)
        {
            throw new ArgumentException($"--port {port}: takes 1 to 65000, and the 40 ports behind it");
        }

        configuration.Sources.Insert(0, File(Path.Combine(data, "dispatch.json")));
        var ownLanes = configuration.GetSection("Dispatch:Lanes").GetChildren().Any();
        var defaults = new Dictionary<string, string?>
        {
            ["Logging:LogLevel:Default"] = "Warning",
            ["Logging:LogLevel:Dispatch"] = "Information",
            ["Dispatch:Listen"] = Local(port),
            ["Dispatch:AdminListen"] = Local(port + 1),
            ["Dispatch:Sandbox:Enabled"] = (!ownLanes).ToString(),
            ["Dispatch:Sandbox:Folder"] = Path.Combine(data, "sandbox"),
            ["Dispatch:Sandbox:BasePort"] = (port + SandboxOffset).ToString(CultureInfo.InvariantCulture),
            ["Dispatch:Sandbox:Relays"] = Relays.ToString(CultureInfo.InvariantCulture),
        };
        if (!ownLanes)
        {
            foreach (var (key, value) in SandboxLanes.Settings(Path.Combine(data, "sandbox"), port + SandboxOffset, Relays))
            {
                defaults[key] = value;
            }
        }

        configuration["Dispatch:Data"] = data; // one folder, whatever the working directory of a part may be
        configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = defaults });
    }

    private static JsonConfigurationSource File(string path)
    {
        var source = new JsonConfigurationSource { Path = path, Optional = true };
        source.ResolveFileProvider();
        return source;
    }

    public static string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
}
