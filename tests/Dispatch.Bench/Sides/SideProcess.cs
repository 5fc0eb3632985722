using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Dispatch.Bench.Sides;

/// <summary>One side of a benchmark in a process of its own, so that its processor time and memory are its own.</summary>
sealed class SideProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http = new();
    private readonly int _adminPort;

    private SideProcess(Process process, int adminPort) => (_process, _adminPort) = (process, adminPort);

    /// <param name="arguments">A verb of <see cref="Side"/> and its settings.</param>
    public static async Task<SideProcess> StartAsync(int adminPort, IReadOnlyList<string> arguments, CancellationToken stop)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in new[] { typeof(SideProcess).Assembly.Location, Side.Verb }.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        var side = new SideProcess(Process.Start(start) ?? throw new InvalidOperationException("no process"), adminPort);
        side._process.OutputDataReceived += (_, _) => { };
        side._process.BeginOutputReadLine();
        await side.ReadyAsync(stop);
        return side;
    }

    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Memory that no file stands behind: what a backlog must not grow.</summary>
    public long AnonymousBytes => File.ReadLines($"/proc/{_process.Id}/smaps_rollup").Where(line => line.StartsWith("Anonymous:", StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1_024).Single();

    /// <summary>A number of the process's own /metrics, summed over its tags; 0 where it has none.</summary>
    public async Task<double> MetricAsync(string name, CancellationToken stop)
    {
        var lines = await MetricsAsync(stop);
        return lines.Where(line => line.StartsWith(name + " ", StringComparison.Ordinal) || line.StartsWith(name + "{", StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    /// <summary>fsyncs of its log and its journals.</summary>
    public async Task<long> SyncsAsync(CancellationToken stop) => (long)(await MetricAsync("dispatch_log_syncs", stop) + await MetricAsync("dispatch_journal_syncs", stop));

    /// <summary>From handing a message to a provider until its answer, of all lanes.</summary>
    public async Task<Histogram> AttemptsAsync(CancellationToken stop) => Histogram.Parse(await MetricsAsync(stop), "dispatch_attempt_duration");

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
        {
            using var end = Process.Start("kill", ["-INT", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }

        _process.Dispose();
    }

    private async Task<string[]> MetricsAsync(CancellationToken stop) => (await _http.GetStringAsync(new Uri($"http://127.0.0.1:{_adminPort}/metrics"), stop)).Split('\n');

    private async Task ReadyAsync(CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(60))
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{_adminPort}/healthz/ready"), stop);
                var body = await answer.Content.ReadAsStringAsync(stop);
                if (answer.StatusCode == HttpStatusCode.OK && !body.Contains("degraded", StringComparison.Ordinal))
                {
                    return;
                }
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                // Not there yet.
            }

            await Task.Delay(100, stop);
        }

        throw new TimeoutException("a side of the benchmark did not become ready");
    }
}
