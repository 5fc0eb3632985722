using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Dispatch.Cli.Gameday;

/// <summary>
/// One real Host on a data folder that outlives it: everything in one process, or, separate, the process that looks after all others.
/// </summary>
public sealed class HostProcess : ISystem
{
    public const string ProgramVariable = "DISPATCH_HOST_PROGRAM";
    private const int PortsTaken = 40; // the API, admin ports, and the sandbox's from +10 on
    private const int Services = 6; // separate, the admin ports behind the API's are theirs

    private readonly string _data;
    private readonly LocalProcess _process;
    private readonly IReadOnlyList<Uri> _admins;

    public HostProcess(string data, IReadOnlyDictionary<string, string>? settings = null, bool separate = false)
    {
        (_data, Port) = (Path.GetFullPath(data), FreePorts());
        Api = At(0);
        _admins = [.. Enumerable.Range(1, separate ? Services : 1).Select(At)];
        string[] flags = separate ? ["--separate"] : [];
        _process = new LocalProcess("the host", [
            Program, "up", .. flags, "--data", _data, "--port", Port.ToString(CultureInfo.InvariantCulture),
            .. (settings ?? new Dictionary<string, string>()).Select(it => $"--{it.Key}={it.Value}")]);
    }

    /// <summary>Host's dll; the services' are beside it.</summary>
    public static string Program => Environment.GetEnvironmentVariable(ProgramVariable)
        ?? throw new InvalidOperationException($"{ProgramVariable} names no host program: start this through ./dispatch");

    public int Port { get; }

    public Uri Api { get; }

    public Uri Admin => _admins[0];

    public Uri SandboxAdmin => At(14);

    public string Oracle => Path.Combine(_data, "sandbox", "oracle");

    public int Id => _process.Id;

    public bool Runs => _process.Runs;

    /// <summary>Made by the first start; the same from then on.</summary>
    public string FirstKey => File.ReadAllText(Path.Combine(_data, "secrets", "first-key")).Trim();

    public string LastLines => _process.LastLines;

    public async Task StartAsync(TimeSpan patience, CancellationToken stop = default)
    {
        Directory.CreateDirectory(_data);
        _process.Start();
        await Probes.WhenAsync([.. _admins.Select(admin => (_process, admin))], Probes.IsReady, "ready", patience, stop);
    }

    /// <summary>In order, nothing left undone.</summary>
    public Task StopAsync(TimeSpan patience) => _process.StopAsync(patience);

    public Task KillAsync() => _process.KillAsync();

    public void Freeze() => _process.Freeze();

    public void Thaw() => _process.Thaw();

    public Task WhenAsync(string name, Func<JsonNode, bool> wanted, TimeSpan patience, CancellationToken stop) =>
        Probes.WhenAsync([.. _admins.Select(admin => (_process, admin))], checks => checks[name] is { } check && wanted(check), name, patience, stop);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private Uri At(int offset) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port + offset}"));

    /// <summary>The first of a run of ports that nobody listens on; they are taken by the host a moment later.</summary>
    private static int FreePorts()
    {
        for (var tries = 0; ; tries++)
        {
            var first = Random.Shared.Next(15_000, 30_000);
            if (Enumerable.Range(first, PortsTaken).All(IsFree))
            {
                return first;
            }

            if (tries == 100)
            {
                throw new InvalidOperationException("no free run of ports on this machine");
            }
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
