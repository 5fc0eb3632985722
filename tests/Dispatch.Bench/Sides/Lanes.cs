using Dispatch.Sandbox;

namespace Dispatch.Bench.Sides;

/// <summary>Lanes to the stand-ins, as the services take them from a command line.</summary>
static class Lanes
{
    public static IEnumerable<string> Apns(int number, Uri endpoint, Credentials credentials, int inFlight) => Lane(
        number, "apns", $"Endpoint={endpoint}", $"TeamId={Credentials.ApnsTeamId}", $"KeyId={Credentials.ApnsKeyId}", $"KeyFile={credentials.ApnsKeyFile}",
        $"TrustFile={credentials.CaFile}", $"InFlightMax={inFlight}");

    /// <summary>To a relay that trusts its network.</summary>
    public static IEnumerable<string> Smtp(int number, int port, int connections) => Lane(
        number, "smtp", $"Endpoint=smtp://127.0.0.1:{port}", "StartTls=Off", $"ConnectionsMax={connections}", "MessagesPerConnectionMax=1000000");

    /// <summary>Whose provider never answers: nobody listens there.</summary>
    public static IEnumerable<string> Nobody(int number) => Lane(number, "apns", "Endpoint=https://localhost:1", "TeamId=team", "KeyId=key", "KeyFile=none.p8");

    private static IEnumerable<string> Lane(int number, string provider, params string[] settings) =>
        new[] { $"Name={provider}-{number}", $"Provider={provider}" }.Concat(settings).Select(setting => $"--Dispatch:Lanes:{number}:{setting}");
}
