using Dispatch.Log.Kafka;

namespace Dispatch.Log.Tests;

public sealed class MockKafkaContractTests : EventLogContract
{
    private readonly MockCluster _cluster = new();
    private KafkaOptions? _options;

    protected override async Task<IEventLog> OpenAsync()
    {
        _options ??= await _cluster.MakeAsync(Requests, Push, Outcomes);
        return await Logs.OpenAsync(_options, Requests, Push, Outcomes);
    }

    protected override Task CloseAsync()
    {
        _cluster.Dispose();
        return Task.CompletedTask;
    }
}
