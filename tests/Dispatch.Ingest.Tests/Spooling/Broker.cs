using Dispatch.Contracts;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Ingest.Tests.Spooling;

/// <summary>One broker of a test's own, to be ended and frozen.</summary>
sealed class Broker(TempFolder folder, PrivateBrokers brokers) : IDisposable
{
    public BrokerProcess Node => brokers.Nodes[0];

    public string Address => brokers.Brokers;

    public (string, string)[] Settings => [("Dispatch:Kafka:Brokers", brokers.Brokers), ("Dispatch:Kafka:Partitions", "2"), ("Dispatch:Kafka:Replication", "1")];

    public KafkaLog Open() =>
        KafkaLog.Open(new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1 }, [.. Topics.All], NullLogger.Instance);

    public static async Task<Broker> StartAsync()
    {
        var folder = new TempFolder();
        var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        using var topics = new TopicAdmin(new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1 }, Topics.All);
        await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
        return new Broker(folder, brokers);
    }

    public void Dispose()
    {
        brokers.KillAsync().GetAwaiter().GetResult();
        folder.Dispose();
    }
}
