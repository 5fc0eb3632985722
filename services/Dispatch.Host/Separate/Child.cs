using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Dispatch.Host.Separate;

/// <summary>
/// One instance of a service in a process of its own. Promise: until <see cref="StopAsync"/> it is started again whenever it ends, with a rest that doubles while it does not stay up;
/// that it ended is never taken for normal, whatever its exit code.
/// </summary>
sealed partial class Child(ServiceInstance instance, IReadOnlyDictionary<string, string> settings, Guardian guardian, ILogger log) : IDisposable
{
    private const int SignalKill = 9, SignalTerminate = 15;
    private static readonly TimeSpan RestMin = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RestMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StaysUp = TimeSpan.FromMinutes(1);
    private static readonly string? OwnSession = Programs("setsid").FirstOrDefault();

    private readonly CancellationTokenSource _stop = new();
    [SuppressMessage("Usage", "CA2213", Justification = "Whoever started it disposes it.")]
    private volatile Process? _process;
    private Task _running = Task.CompletedTask;

    public ServiceInstance Instance { get; } = instance;

    public void Start() => _running = RunAsync();

    /// <summary>In good order; killed if that takes longer than <paramref name="grace"/>.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        await _stop.CancelAsync();
        Signal(SignalTerminate);
        await _running.WaitAsync(grace).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_running.IsCompleted)
        {
            log.ChildKilled(Instance.Name, grace);
            Signal(SignalKill);
        }

        await _running;
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync()
    {
        await Task.Yield();
        for (var rest = RestMin; !_stop.IsCancellationRequested; rest = rest * 2 < RestMax ? rest * 2 : RestMax)
        {
            var began = Stopwatch.GetTimestamp();
            var code = await RunOnceAsync();
            if (_stop.IsCancellationRequested)
            {
                log.ChildStopped(Instance.Name, code);
                return;
            }

            rest = Stopwatch.GetElapsedTime(began) > StaysUp ? RestMin : rest;
            log.ChildEnded(Instance.Name, code, rest);
            await Task.Delay(rest, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int> RunOnceAsync()
    {
        using var process = new Process { StartInfo = StartInfo() };
        process.OutputDataReceived += (_, line) => Say(Console.Out, line.Data);
        process.ErrorDataReceived += (_, line) => Say(Console.Error, line.Data);
        process.Start();
        guardian.Watch(process.Id);
        _process = process;
        if (_stop.IsCancellationRequested)
        {
            Signal(SignalTerminate); // the stop came in between, and saw no process
        }

        log.ChildStarted(Instance.Name, process.Id);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await process.WaitForExitAsync();
        guardian.Forget(process.Id);
        _process = null;
        return process.ExitCode;
    }

    /// <summary>In a session of its own where the machine can: the Ctrl-C that a terminal gives to all of a group would end everything at once, not in its order.</summary>
    private ProcessStartInfo StartInfo()
    {
        var program = Path.Combine(AppContext.BaseDirectory, $"Dispatch.{char.ToUpperInvariant(Instance.Service[0])}{Instance.Service[1..]}.dll");
        string[] command = [.. OwnSession is null ? Array.Empty<string>() : [OwnSession], "dotnet", program];
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private void Say(TextWriter to, string? line)
    {
        if (line is not null)
        {
            to.WriteLine($"{Instance.Name,-10} {line}");
        }
    }

    private void Signal(int signal)
    {
        try
        {
            if (_process is { HasExited: false } process)
            {
                _ = Kill(process.Id, signal);
            }
        }
        catch (InvalidOperationException)
        {
            // It ended, and was put away, in between.
        }
    }

    private static IEnumerable<string> Programs(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name)).Where(File.Exists);

    [LibraryImport("libc", EntryPoint = "kill"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
