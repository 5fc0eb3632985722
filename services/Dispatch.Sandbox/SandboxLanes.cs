using System.Globalization;

namespace Dispatch.Sandbox;

/// <summary>What stands in `Dispatch:Lanes` to reach every stand-in of a Sandbox: one lane each, and one for each relay.</summary>
public static class SandboxLanes
{
    /// <param name="folder">The Sandbox's; its credentials are below it once it has started.</param>
    /// <param name="basePort">1 to 65 000, see <see cref="SandboxOptions.BasePort"/>.</param>
    public static Dictionary<string, string?> Settings(string folder, int basePort, int relays)
    {
        var settings = new Dictionary<string, string?>();
        var lanes = 0;
        Lane("apns", "apns", new() { ["Endpoint"] = Https(basePort), ["TeamId"] = "SANDBOXTEAM", ["KeyId"] = "SANDBOXKEY", ["KeyFile"] = In("apns.p8"), ["TrustFile"] = In("ca.pem") });
        Lane("fcm", "fcm", new() { ["Endpoint"] = Https(basePort + 1), ["ServiceAccountFile"] = In("fcm-service-account.json"), ["TrustFile"] = In("ca.pem") });
        for (var relay = 0; relay < relays; relay++)
        {
            Lane($"relay-{relay + 1}", "smtp", new()
            {
                ["Endpoint"] = string.Create(CultureInfo.InvariantCulture, $"smtp://localhost:{(relay == 0 ? basePort + 2 : basePort + 19 + relay)}"),
                ["User"] = "dispatch", ["PasswordFile"] = In("smtp-password"), ["TrustFile"] = In("ca.pem"),
            });
        }

        Lane("sms", "http-sms", new() { ["Endpoint"] = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{basePort + 3}"), ["AccountSid"] = "ACsandbox", ["TokenFile"] = In("sms-token") });
        return settings;

        string In(string file) => Path.Combine(folder, "credentials", file);

        void Lane(string name, string provider, Dictionary<string, string> more)
        {
            foreach (var (key, value) in more.Prepend(new("Provider", provider)).Prepend(new("Name", name)))
            {
                settings[string.Create(CultureInfo.InvariantCulture, $"Dispatch:Lanes:{lanes}:{key}")] = value;
            }

            lanes++;
        }
    }

    private static string Https(int port) => string.Create(CultureInfo.InvariantCulture, $"https://localhost:{port}");
}
