using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Dispatch.Testing;

namespace Dispatch.Bench.Sides;

/// <summary>One real Kafka broker in a folder of its own, with the topics: what a side's log is on. As `up --kafka auto` has it.</summary>
sealed class BrokerSide : IAsyncDisposable
{
    private const int Partitions = 4;

    private readonly PrivateBrokers _brokers;

    private BrokerSide(PrivateBrokers brokers) => _brokers = brokers;

    /// <summary>As the services take them from a command line.</summary>
    public IEnumerable<string> Settings =>
    [
        $"--Dispatch:Kafka:Brokers={_brokers.Brokers}", "--Dispatch:Kafka:Replication=1", string.Create(CultureInfo.InvariantCulture, $"--Dispatch:Kafka:Partitions={Partitions}"),
    ];

    /// <summary>Of the broker's process, since it started.</summary>
    public TimeSpan Cpu => ProcessorTime.WithChildren(Node.ProcessId ?? throw new InvalidOperationException("the broker does not run"));

    private BrokerProcess Node => _brokers.Nodes[0];

    /// <exception cref="InvalidOperationException">There is no Kafka on this machine, or it does not start; says why.</exception>
    public static async Task<BrokerSide> StartAsync(string folder, CancellationToken stop)
    {
        var brokers = await PrivateBrokers.StartAsync(folder, 1, FreePorts.Row(2), stop);
        var side = new BrokerSide(brokers);
        try
        {
            using var topics = new TopicAdmin(new KafkaOptions { Brokers = brokers.Brokers, Replication = 1, Partitions = Partitions }, Topics.All);
            await topics.ApplyAsync(await topics.CompareAsync(stop), mayMoveKeys: false, stop);
            return side;
        }
        catch
        {
            await side.DisposeAsync();
            throw;
        }
    }

    /// <summary>As a power cut would.</summary>
    public Task KillAsync(CancellationToken stop) => Node.KillAsync(stop);

    /// <summary>Returns when it answers again.</summary>
    public Task StartAgainAsync(CancellationToken stop)
    {
        Node.Start();
        return _brokers.ReadyAsync(stop);
    }

    public ValueTask DisposeAsync() => _brokers.DisposeAsync();
}
