using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka.Private;

/// <summary>
/// A Kafka cluster of this machine's own, on loopback, from an unpacked Apache Kafka (4.x, KRaft) and a Java 17 or later. For `up --kafka auto`, tests and game days; its data lies below
/// one folder and comes back with the next start.
/// </summary>
public sealed class PrivateBrokers : IAsyncDisposable
{
    private const int PortsOfNode = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    private PrivateBrokers(IReadOnlyList<BrokerProcess> nodes) => Nodes = nodes;

    public IReadOnlyList<BrokerProcess> Nodes { get; }

    /// <summary>For <see cref="KafkaOptions.Brokers"/>.</summary>
    public string Brokers => string.Join(',', Nodes.Select(node => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{node.Port}")));

    /// <summary>The distribution to use: the environment's KAFKA_HOME.</summary>
    /// <param name="why">Why there is none that can run.</param>
    public static string? FindHome(out string why)
    {
        var home = Environment.GetEnvironmentVariable("KAFKA_HOME");
        why = string.IsNullOrEmpty(home) ? "KAFKA_HOME is not set: it names the folder of an unpacked Apache Kafka 4"
            : !Directory.Exists(Path.Combine(home, "libs")) ? $"KAFKA_HOME is {home}, which has no folder 'libs': it should name the folder of an unpacked Apache Kafka 4"
            : !HasJava() ? "there is no java on the PATH; Apache Kafka needs 17 or later"
            : "";
        return why.Length == 0 ? home : null;
    }

    /// <summary>Starts the nodes, makes their folders first if there are none, and returns when all of them answer.</summary>
    /// <param name="firstPort">Node n takes the two ports from firstPort + 2n on. Of no effect on folders that have theirs already.</param>
    /// <exception cref="InvalidOperationException">There is no Kafka or no Java, or a node does not start; says why.</exception>
    public static async Task<PrivateBrokers> StartAsync(string folder, int nodes, int firstPort, CancellationToken stop)
    {
        var home = FindHome(out var why) ?? throw new InvalidOperationException(why);
        var known = Path.Combine(folder, "first-port");
        Directory.CreateDirectory(folder);
        if (File.Exists(known))
        {
            firstPort = int.Parse(await File.ReadAllTextAsync(known, stop), CultureInfo.InvariantCulture);
        }
        else
        {
            await FormatAsync(home, folder, nodes, firstPort, stop);
            await File.WriteAllTextAsync(known, firstPort.ToString(CultureInfo.InvariantCulture), stop);
        }

        var brokers = new PrivateBrokers([.. Enumerable.Range(0, nodes).Select(n => new BrokerProcess(FolderOf(folder, n), home, firstPort + (PortsOfNode * n)))]);
        try
        {
            foreach (var node in brokers.Nodes)
            {
                node.EndForgotten();
                node.Start();
            }

            await brokers.ReadyAsync(stop);
            return brokers;
        }
        catch
        {
            await brokers.KillAsync();
            throw;
        }
    }

    /// <summary>Ends what runs in a folder that nobody owns any more, and the folder with it.</summary>
    public static void Remove(string folder)
    {
        foreach (var node in Directory.GetDirectories(folder))
        {
            new BrokerProcess(node, "", 0).EndForgotten();
        }

        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Waits until every running node is a member of the cluster.</summary>
    /// <exception cref="InvalidOperationException">A node ended, or it takes too long.</exception>
    public Task ReadyAsync(CancellationToken stop) => WaitAsync(metadata => metadata.Brokers.Count < Nodes.Count ? $"{metadata.Brokers.Count} of {Nodes.Count} found together" : null, stop);

    /// <summary>Waits until, besides, every copy of every partition has caught up: another node may go now.</summary>
    /// <exception cref="InvalidOperationException">A node ended, or it takes too long; names a partition that lags.</exception>
    public async Task InSyncAsync(CancellationToken stop)
    {
        await ReadyAsync(stop);
        await WaitAsync(
            metadata => metadata.Topics.SelectMany(topic => topic.Partitions.Where(it => it.InSyncReplicas.Length < it.Replicas.Length).Select(it => $"{topic.Topic}/{it.PartitionId} has not all of its copies in sync")).FirstOrDefault(),
            stop);
    }

    /// <param name="lacks">What is not as wanted yet; null: all is.</param>
    private async Task WaitAsync(Func<Metadata, string?> lacks, CancellationToken stop)
    {
        using var admin = new AdminClientBuilder(ClientSettings.Common(new KafkaOptions { Brokers = Brokers })).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var began = Stopwatch.GetTimestamp();
        while (Ask(admin, lacks) is { } lack)
        {
            if (Nodes.FirstOrDefault(node => !node.IsRunning) is { } ended)
            {
                throw new InvalidOperationException($"The Kafka node on port {ended.Port} ended: {ended.LastLines()}");
            }

            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new InvalidOperationException($"The Kafka nodes were not as wanted in {Patience}: {lack}. {Nodes[0].LastLines()}");
            }

            await Task.Delay(Look, stop);
        }
    }

    public Task KillAsync() => Task.WhenAll(Nodes.Select(node => node.KillAsync()));

    public async ValueTask DisposeAsync() => await KillAsync(); // what was acknowledged is on their disks

    private static string FolderOf(string folder, int node) => Path.Combine(folder, node.ToString(CultureInfo.InvariantCulture));

    private static bool HasJava() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "java")));

    private static async Task FormatAsync(string home, string folder, int nodes, int firstPort, CancellationToken stop)
    {
        // Kafka's ids are base 64 for URLs; a minus in front would be taken for an argument's name.
        var cluster = Convert.ToBase64String(Guid.NewGuid().ToByteArray()).TrimEnd('=').Replace('+', '0').Replace('/', '_');
        for (var n = 0; n < nodes; n++)
        {
            var own = FolderOf(folder, n);
            Directory.CreateDirectory(own);
            var properties = Path.Combine(own, "server.properties");
            await File.WriteAllTextAsync(properties, BrokerSettings.Of(own, n, nodes, firstPort), stop);
            string[] arguments = ["-XX:TieredStopAtLevel=1", .. BrokerProcess.Arguments(home, own), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties];
            using var format = Process.Start(new ProcessStartInfo("java", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var said = await Task.WhenAll(format.StandardOutput.ReadToEndAsync(stop), format.StandardError.ReadToEndAsync(stop));
            await format.WaitForExitAsync(stop);
            if (format.ExitCode != 0)
            {
                throw new InvalidOperationException($"Kafka's storage in {own} could not be made: {string.Concat(said).Trim()}");
            }
        }
    }

    private static string? Ask(IAdminClient admin, Func<Metadata, string?> lacks)
    {
        try
        {
            return lacks(admin.GetMetadata(TimeSpan.FromSeconds(2)));
        }
        catch (KafkaException e)
        {
            return e.Error.Reason; // nobody answers yet
        }
    }
}
