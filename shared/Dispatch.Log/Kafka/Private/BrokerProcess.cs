using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Dispatch.Log.Kafka.Private;

/// <summary>One node: broker and controller in one Java process, in a folder of its own. What was killed, stopped or frozen can be started again: its data stays.</summary>
public sealed partial class BrokerProcess
{
    private const int SignalKill = 9;
    private const int SignalTerminate = 15;
    private const int SignalContinue = 18;
    private const int SignalStop = 19;

    private readonly string _folder;
    private readonly string _kafkaHome;
    private Process? _process;

    internal BrokerProcess(string folder, string kafkaHome, int port) => (_folder, _kafkaHome, Port) = (folder, kafkaHome, port);

    public int Port { get; }

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>null: it does not run.</summary>
    public int? ProcessId => _process is { HasExited: false } process ? process.Id : null;

    private string PidFile => Path.Combine(_folder, "pid");

    /// <summary>Ends what an earlier owner of the folder left running.</summary>
    public void EndForgotten()
    {
        if (File.Exists(PidFile) && int.TryParse(File.ReadAllText(PidFile), CultureInfo.InvariantCulture, out var id) && CommandLine(id).Contains(_folder, StringComparison.Ordinal))
        {
            _ = kill(id, SignalKill);
        }
    }

    public void Start()
    {
        if (IsRunning)
        {
            return;
        }

        // A session of its own: the Ctrl-C that ends us must not take away the brokers that we settle with.
        // The first compiler alone: with the second, three young brokers took half of two processors for their first two minutes. Room for young objects: with 64 MB, a fifth of one went into collecting.
        const string run = "exec $(command -v setsid) java -Xms${KAFKA_HEAP:-256m} -Xmx${KAFKA_HEAP:-256m} -XX:NewRatio=1 -XX:+UseSerialGC ${KAFKA_JVM_PERFORMANCE_OPTS--XX:TieredStopAtLevel=1} \"$@\" >>server.log 2>&1 </dev/null";
        string[] arguments = ["-c", run, "sh", .. Arguments(_kafkaHome, _folder), "kafka.Kafka", Path.Combine(_folder, "server.properties")];
        _process = Process.Start(new ProcessStartInfo("/bin/sh", arguments) { WorkingDirectory = _folder })!;
        File.WriteAllText(PidFile, _process.Id.ToString(CultureInfo.InvariantCulture));
    }

    public Task KillAsync(CancellationToken stop = default) => EndAsync(SignalKill, stop);

    /// <summary>In good order: leaders move to other nodes first.</summary>
    public Task StopAsync(CancellationToken stop = default) => EndAsync(SignalTerminate, stop);

    public void Freeze() => Send(SignalStop);

    public void Thaw() => Send(SignalContinue);

    /// <summary>The last lines that it wrote, for whoever asks why it does not start.</summary>
    public string LastLines()
    {
        var path = Path.Combine(_folder, "server.log");
        return File.Exists(path) ? string.Join('\n', File.ReadLines(path).TakeLast(10)) : "";
    }

    internal static IEnumerable<string> Arguments(string kafkaHome, string folder)
    {
        var logging = new[] { "log4j2.yaml", "config/log4j2.yaml" }.Select(name => Path.Combine(kafkaHome, name)).FirstOrDefault(File.Exists);
        return [.. logging is null ? Array.Empty<string>() : [$"-Dlog4j2.configurationFile={logging}"], $"-Dkafka.logs.dir={folder}", "-cp", Path.Combine(kafkaHome, "libs", "*")];
    }

    private static string CommandLine(int id)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{id.ToString(CultureInfo.InvariantCulture)}/cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it ended meanwhile
        }
    }

    private async Task EndAsync(int signal, CancellationToken stop)
    {
        if (_process is { } process)
        {
            Send(SignalContinue);
            Send(signal);
            await process.WaitForExitAsync(stop);
            process.Dispose();
            _process = null;
        }
    }

    private void Send(int signal)
    {
        if (_process is { HasExited: false } process)
        {
            _ = kill(process.Id, signal);
        }
    }

    [LibraryImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int kill(int process, int signal);
}
