using Dispatch.Log.Kafka;

namespace Dispatch.Log.Tests;

[NeedsKafka, Collection(RealKafka.Name)]
public sealed class RealKafkaContractTests : EventLogContract
{
    private KafkaOptions? _options;

    protected override async Task<IEventLog> OpenAsync()
    {
        _options ??= await RealKafka.MakeAnewAsync(Requests, Push, Outcomes);
        return await Logs.OpenAsync(_options, Requests, Push, Outcomes);
    }

    protected override Task CloseAsync() => Task.CompletedTask;
}
