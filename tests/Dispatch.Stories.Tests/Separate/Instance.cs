using System.Globalization;
using Dispatch.Cli.Gameday;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>One service as a process of its own, on a data folder and ports that it keeps over its lives.</summary>
public sealed class Instance : IAsyncDisposable
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(75);

    private readonly Dictionary<string, string> _own;

    /// <param name="service">As its program is called: "push" is Dispatch.Push.dll.</param>
    /// <param name="settings">What it shares with others; its own folder and ports come on top.</param>
    public Instance(string service, string name, string data, int adminPort, int apiPort, IEnumerable<KeyValuePair<string, string>> settings)
    {
        (Service, Name, Admin) = (service, name, At(adminPort));
        Api = apiPort == 0 ? null : At(apiPort);
        _own = new() { ["Dispatch:Data"] = Path.Combine(data, "services", name), ["Dispatch:AdminListen"] = Text(Admin) };
        if (Api is not null)
        {
            _own["Dispatch:Listen"] = Text(Api);
        }

        Process = ProcessWith(settings);
    }

    public string Service { get; }

    public string Name { get; }

    public LocalProcess Process { get; private set; }

    public Uri Admin { get; }

    /// <summary>Null: it has none.</summary>
    public Uri? Api { get; }

    /// <summary>Callers are sent here.</summary>
    public bool TakesCallers { get; set; }

    /// <summary>The services' programs lie beside Host's.</summary>
    public static string Program(string service) =>
        Path.Combine(Path.GetDirectoryName(HostProcess.Program)!, $"Dispatch.{char.ToUpperInvariant(service[0])}{service[1..]}.dll");

    /// <summary>For its next start; it does not run.</summary>
    public async Task ConfigureAsync(IEnumerable<KeyValuePair<string, string>> settings)
    {
        await Process.DisposeAsync();
        Process = ProcessWith(settings);
    }

    /// <summary>Returns when all that it looks at is there.</summary>
    public async Task StartAsync(TimeSpan patience)
    {
        Process.Start();
        await Probes.WhenAsync([(Process, Admin)], Probes.IsReady, "ready", patience, default);
        TakesCallers = Api is not null;
    }

    /// <summary>As <see cref="StartAsync"/>, and as if it had processors of its own.</summary>
    public async Task StartAsideAsync(TimeSpan patience)
    {
        Process.Start();
        await Aside.StartAsync(Process.Id, () => Probes.WhenAsync([(Process, Admin)], Probes.IsReady, "ready", patience, default));
        TakesCallers = Api is not null;
    }

    /// <summary>Returns when it answers, whatever it misses.</summary>
    public async Task StartInNeedAsync(TimeSpan patience)
    {
        Process.Start();
        await Probes.WhenAsync([(Process, Admin)], _ => true, "up", patience, default);
        TakesCallers = Api is not null;
    }

    /// <summary>As a release does it: callers go elsewhere first, then SIGTERM.</summary>
    public async Task StopAsync()
    {
        TakesCallers = false;
        await Process.StopAsync(StopPatience);
        Process.ExitCode.ShouldBe(0, Process.LastLines);
    }

    public Task KillAsync()
    {
        TakesCallers = false;
        return Process.KillAsync();
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private LocalProcess ProcessWith(IEnumerable<KeyValuePair<string, string>> settings) =>
        new(Name, [Program(Service)], settings.Concat(_own).ToDictionary(it => it.Key.Replace(":", "__", StringComparison.Ordinal), it => it.Value));

    private static Uri At(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));

    private static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);
}
