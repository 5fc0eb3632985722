using System.Diagnostics;
using System.Globalization;

namespace Dispatch.Bench.Email;

/// <summary>Postfix's smtp-sink: takes every mail, keeps none, and prints how many. Refuses to run as root, so it becomes nobody.</summary>
sealed class SmtpSink : IDisposable
{
    private readonly Process _process;
    private long _received;

    private SmtpSink(Process process) => _process = process;

    public long Received => Interlocked.Read(ref _received);

    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<SmtpSink> StartAsync(int port, CancellationToken stop)
    {
        var start = new ProcessStartInfo(Tool("smtp-sink")) { RedirectStandardOutput = true };
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : [];
        foreach (var argument in (string[])[.. user, "-c", $"127.0.0.1:{port}", "256"])
        {
            start.ArgumentList.Add(argument);
        }

        var sink = new SmtpSink(Process.Start(start) ?? throw new InvalidOperationException("no process"));
        _ = sink.CountAsync();
        while (true)
        {
            try
            {
                using var client = new System.Net.Sockets.TcpClient();
                await client.ConnectAsync("127.0.0.1", port, stop);
                return sink;
            }
            catch (System.Net.Sockets.SocketException) when (!sink._process.HasExited)
            {
                await Task.Delay(50, stop);
            }
        }
    }

    /// <returns>How long it took from mail number <paramref name="from"/> to number <paramref name="to"/>; null: they did not come while anything moved.</returns>
    public async Task<TimeSpan?> TakesAsync(long from, long to, TimeSpan patience, Func<Task> atFrom, CancellationToken stop)
    {
        var (began, moved, last) = (0L, Stopwatch.GetTimestamp(), Received);
        while (Received < to)
        {
            if (began == 0 && Received >= from)
            {
                began = Stopwatch.GetTimestamp();
                from = Received;
                await atFrom();
            }

            if (Received != last)
            {
                (moved, last) = (Stopwatch.GetTimestamp(), Received);
            }
            else if (Stopwatch.GetElapsedTime(moved) > patience)
            {
                return null;
            }

            await Task.Delay(2, stop);
        }

        return Stopwatch.GetElapsedTime(began);
    }

    public static string Tool(string name)
    {
        var path = new[] { "/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/sbin" }.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return path ?? throw new InvalidOperationException($"{name} is missing: it comes with postfix");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>"sess=1 quit=1 mesg=17" and a carriage return, again and again.</summary>
    private async Task CountAsync()
    {
        var bytes = new char[64 * 1024];
        var rest = "";
        for (int read; (read = await _process.StandardOutput.ReadAsync(bytes)) > 0;)
        {
            var text = rest + new string(bytes, 0, read);
            var whole = text.LastIndexOf('\r') + 1;
            rest = text[whole..];
            var at = text.LastIndexOf("mesg=", Math.Max(0, whole - 1), StringComparison.Ordinal);
            if (at >= 0 && long.TryParse(text.AsSpan(at + 5, text.IndexOf('\r', at) - at - 5), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                Interlocked.Exchange(ref _received, count);
            }
        }
    }
}
