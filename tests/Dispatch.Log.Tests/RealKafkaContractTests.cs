using Dispatch.Log.Kafka;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

[NeedsKafka]
public sealed class RealKafkaContractTests : EventLogContract
{
    private KafkaOptions? _options;

    protected override async Task<IEventLog> OpenAsync()
    {
        string[] topics = [Requests, Push, Outcomes];
        if (_options is null)
        {
            var brokers = await KafkaCluster.OneAsync();
            _options = new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1, SessionTimeout = TimeSpan.FromSeconds(6) };
            await Topics.MakeAnewAsync(_options, topics);
        }

        return await Logs.OpenAsync(_options, topics);
    }

    protected override Task CloseAsync() => Task.CompletedTask;
}
