using System.Globalization;
using Dispatch.Log.Kafka.Private;

namespace Dispatch.Testing;

/// <summary>One real Kafka broker for a test process, started by the first test that asks, killed when the process ends.</summary>
public static class KafkaCluster
{
    private const string FolderPrefix = "dispatch-testkafka-";
    private static readonly Lazy<Task<PrivateBrokers>> Brokers = new(StartAsync);

    /// <summary>Why there is none; null: there is.</summary>
    public static string? Missing { get; } = PrivateBrokers.FindHome(out var why) is null ? why : null;

    public static Task<PrivateBrokers> OneAsync() => Brokers.Value;

    private static async Task<PrivateBrokers> StartAsync()
    {
        Sweep();
        var folder = Path.Combine(Path.GetTempPath(), FolderPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var brokers = await PrivateBrokers.StartAsync(folder, 1, FreePorts.Row(2), CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            brokers.KillAsync().GetAwaiter().GetResult();
            Directory.Delete(folder, recursive: true);
        };
        return brokers;
    }

    /// <summary>What a test process left behind that was killed before it could tidy up.</summary>
    private static void Sweep()
    {
        foreach (var folder in Directory.GetDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(folder)[FolderPrefix.Length..], CultureInfo.InvariantCulture, out var owner) && !Directory.Exists($"/proc/{owner}"))
            {
                PrivateBrokers.Remove(folder);
            }
        }
    }
}
