using System.Globalization;
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
    public static Dictionary<string, string> Switches { get; } = new() { ["--data"] = "Dispatch:Data", ["--port"] = "Dispatch:Port", ["--kafka"] = "Dispatch:Kafka:Brokers" };

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
            AddSandboxLanes(defaults, Path.Combine(data, "sandbox", "credentials"), port + SandboxOffset);
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

    private static void AddSandboxLanes(Dictionary<string, string?> defaults, string credentials, int basePort)
    {
        string In(string file) => Path.Combine(credentials, file);
        Lane("apns", "apns", new() { ["Endpoint"] = Https(basePort), ["TeamId"] = "SANDBOXTEAM", ["KeyId"] = "SANDBOXKEY", ["KeyFile"] = In("apns.p8"), ["TrustFile"] = In("ca.pem") });
        Lane("fcm", "fcm", new() { ["Endpoint"] = Https(basePort + 1), ["ServiceAccountFile"] = In("fcm-service-account.json"), ["TrustFile"] = In("ca.pem") });
        for (var relay = 0; relay < Relays; relay++)
        {
            Lane($"relay-{relay + 1}", "smtp", new()
            {
                ["Endpoint"] = string.Create(CultureInfo.InvariantCulture, $"smtp://localhost:{(relay == 0 ? basePort + 2 : basePort + 19 + relay)}"), ["User"] = "dispatch", ["PasswordFile"] = In("smtp-password"), ["TrustFile"] = In("ca.pem"),
            });
        }

        Lane("sms", "http-sms", new() { ["Endpoint"] = Local(basePort + 3), ["AccountSid"] = "ACsandbox", ["TokenFile"] = In("sms-token") });

        void Lane(string name, string provider, Dictionary<string, string> settings)
        {
            var n = defaults.Keys.Where(key => key.StartsWith("Dispatch:Lanes:", StringComparison.Ordinal)).Select(key => key.Split(':')[2]).Distinct().Count();
            foreach (var (key, value) in settings.Prepend(new("Provider", provider)).Prepend(new("Name", name)))
            {
                defaults[$"Dispatch:Lanes:{n}:{key}"] = value;
            }
        }
    }

    private static string Local(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    private static string Https(int port) => string.Create(CultureInfo.InvariantCulture, $"https://localhost:{port}");
}
