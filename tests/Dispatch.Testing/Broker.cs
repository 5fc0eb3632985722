using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Testing;

/// <summary>One broker of a test's own, to be ended and frozen.</summary>
public sealed class Broker(TempFolder folder, PrivateBrokers brokers) : IAsyncDisposable
{
    public BrokerProcess Node => brokers.Nodes[0];

    public string Address => brokers.Brokers;

    /// <summary>Returns when it answers.</summary>
    public Task ReadyAsync() => brokers.ReadyAsync(CancellationToken.None);

    public IReadOnlyList<(string, string)> Settings => [("Dispatch:Kafka:Brokers", brokers.Brokers), ("Dispatch:Kafka:Partitions", "2"), ("Dispatch:Kafka:Replication", "1")];

    public KafkaLog Open() => OpenAt(Node.Port);

    /// <summary>The log of a broker that may not be there yet.</summary>
    public static KafkaLog OpenAt(int port) => KafkaLog.Open(Options(port), [.. Topics.All], NullLogger.Instance);

    /// <param name="port">It takes this one and the next; null: free ones.</param>
    /// <param name="topics">Null: all that there are.</param>
    public static async Task<Broker> StartAsync(int? port = null, IEnumerable<string>? topics = null)
    {
        var folder = new TempFolder();
        var broker = new Broker(folder, await PrivateBrokers.StartAsync(folder.Path, 1, port ?? FreePorts.Row(2), CancellationToken.None));
        try
        {
            using var admin = new TopicAdmin(Options(broker.Node.Port), [.. topics ?? Topics.All]);
            await admin.ApplyAsync(await admin.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await brokers.DisposeAsync();
        folder.Dispose();
    }

    private static KafkaOptions Options(int port) => new() { Brokers = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), Partitions = 2, Replication = 1 };
}
