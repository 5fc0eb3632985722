using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Dispatch.Cli.Gameday;

/// <summary>
/// One of our programs in a process of its own: it can be ended, killed and frozen, and started again on what it left.
/// </summary>
/// <param name="name">For messages.</param>
/// <param name="arguments">The program's dll, and its arguments.</param>
/// <param name="environment">Beside what it inherits.</param>
public sealed partial class LocalProcess(string name, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null) : IAsyncDisposable
{
    private const int SigKill = 9, SigTerm = 15, SigCont = 18, SigStop = 19;
    private const int LinesKept = 300;

    private readonly Lock _gate = new();
    private readonly Queue<string> _lastLines = new();
    private Process? _process;

    public string Name { get; } = name;

    public int Id => _process?.Id ?? throw new InvalidOperationException($"{Name} does not run");

    public bool Runs => _process is { HasExited: false };

    /// <summary>How it ended; null: it runs, or never did.</summary>
    public int? ExitCode => _process is { HasExited: true } ended ? ended.ExitCode : null;

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

    public void Start()
    {
        if (Runs)
        {
            throw new InvalidOperationException($"{Name} runs already");
        }

        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        _process?.Dispose();
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Returns when it has ended and all that it wrote has arrived.</summary>
    public Task EndedAsync(CancellationToken stop) => _process?.WaitForExitAsync(stop) ?? Task.CompletedTask;

    /// <summary>In order, nothing left undone.</summary>
    /// <exception cref="TimeoutException">It did not end in time, and was killed; the message has its last lines.</exception>
    public async Task StopAsync(TimeSpan patience)
    {
        if (_process is { HasExited: false } process)
        {
            Signal(process, SigTerm);
            using var deadline = new CancellationTokenSource(patience);
            try
            {
                await process.WaitForExitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
                throw new TimeoutException($"{Name} did not end within {patience}; its last lines:\n{LastLines}");
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

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_gate)
        {
            if (line is not null)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > LinesKept)
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

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
