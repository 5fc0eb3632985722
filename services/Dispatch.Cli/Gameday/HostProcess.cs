using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dispatch.Cli.Gameday;

/// <summary>
/// One real Host in a process of its own, on a data folder that outlives it: it can be ended, killed and frozen, and started again on what it left.
/// </summary>
public sealed partial class HostProcess : IAsyncDisposable
{
    public const string ProgramVariable = "DISPATCH_HOST_PROGRAM";
    private const int SigInt = 2, SigKill = 9, SigCont = 18, SigStop = 19;
    private const int PortsTaken = 40; // the API, the admin port, and the sandbox's from +10 on

    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly string _data;
    private readonly Lock _gate = new();
    private readonly Queue<string> _lastLines = new();
    private Process? _process;

    public HostProcess(string data, IReadOnlyDictionary<string, string>? settings = null)
    {
        (_data, _settings, Port) = (Path.GetFullPath(data), settings ?? new Dictionary<string, string>(), FreePorts());
        Api = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}"));
        Admin = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port + 1}"));
    }

    public int Port { get; }

    public Uri Api { get; }

    public Uri Admin { get; }

    public Uri SandboxAdmin => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port + 14}"));

    public string Oracle => Path.Combine(_data, "sandbox", "oracle");

    public int Id => _process?.Id ?? throw new InvalidOperationException("the host does not run");

    public bool Runs => _process is { HasExited: false };

    /// <summary>Made by the first start; the same from then on.</summary>
    public string FirstKey => File.ReadAllText(Path.Combine(_data, "secrets", "first-key")).Trim();

    /// <summary>Returns when the API answers and every dependency is ready.</summary>
    /// <exception cref="TimeoutException">It was not ready in time; the message has its last lines.</exception>
    public async Task StartAsync(TimeSpan patience, CancellationToken stop = default)
    {
        var program = Environment.GetEnvironmentVariable(ProgramVariable)
            ?? throw new InvalidOperationException($"{ProgramVariable} names no host program: start this through ./dispatch");
        Directory.CreateDirectory(_data);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = [program, "up", "--data", _data, "--port", Port.ToString(CultureInfo.InvariantCulture), .. _settings.Select(it => $"--{it.Key}={it.Value}")];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await ReadyAsync(patience, stop);
    }

    /// <summary>As Ctrl-C does: in order, nothing left undone.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        if (_process is { HasExited: false } process)
        {
            Signal(process, SigInt);
            using var deadline = new CancellationTokenSource(patience);
            try
            {
                await process.WaitForExitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
                throw new TimeoutException($"the host did not end within {patience}; its last lines:\n{LastLines}");
            }
        }
    }

    public async Task KillAsync()
    {
        if (_process is { HasExited: false } process)
        {
            Signal(process, SigKill);
            await process.WaitForExitAsync();
        }
    }

    public void Freeze() => Signal(_process!, SigStop);

    public void Thaw() => Signal(_process!, SigCont);

    public string LastLines
    {
        get
        {
            lock (_gate)
            {
                return string.Join('\n', _lastLines);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
    }

    private Task ReadyAsync(TimeSpan patience, CancellationToken stop) => AnswersAsync(
        checks => checks.All(it => (string?)it.Value!["status"] == "ready"), "ready", patience, stop);

    /// <summary>Waits until a dependency's health, as the admin port shows it, is as wanted.</summary>
    /// <exception cref="TimeoutException">It was not, in time; the message has the host's last lines.</exception>
    public Task WhenAsync(string name, Func<JsonNode, bool> wanted, TimeSpan patience, CancellationToken stop) => AnswersAsync(
        checks => checks[name] is { } check && wanted(check), name, patience, stop);

    private async Task AnswersAsync(Func<JsonObject, bool> wanted, string what, TimeSpan patience, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < patience)
        {
            if (_process!.HasExited)
            {
                throw new InvalidOperationException($"the host ended with {_process.ExitCode}; its last lines:\n{LastLines}");
            }

            try
            {
                using var answer = await http.GetAsync(new Uri(Admin, "/healthz/ready"), stop);
                if (JsonNode.Parse(await answer.Content.ReadAsStringAsync(stop))?["checks"] is JsonObject checks && wanted(checks))
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or JsonException or TaskCanceledException && !stop.IsCancellationRequested)
            {
                // Not there yet.
            }

            await Task.Delay(50, stop);
        }

        throw new TimeoutException($"the host was not as wanted ({what}) within {patience}; its last lines:\n{LastLines}");
    }

    private void Keep(string? line)
    {
        lock (_gate)
        {
            if (line is not null)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > 60)
                {
                    _lastLines.Dequeue();
                }
            }
        }
    }

    private static void Signal(Process process, int signal)
    {
        if (Kill(process.Id, signal) != 0 && !process.HasExited)
        {
            throw new InvalidOperationException($"signal {signal} to process {process.Id}: errno {Marshal.GetLastPInvokeError()}");
        }
    }

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

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
