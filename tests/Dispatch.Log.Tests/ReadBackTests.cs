using Confluent.Kafka;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;

namespace Dispatch.Log.Tests;

/// <summary>What a transaction left in its partitions, as readers of committed records get to see it.</summary>
[NeedsKafka, Collection(RealKafka.Name)]
public sealed class ReadBackTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private KafkaOptions _options = new();

    public async Task InitializeAsync() => _options = await RealKafka.MakeAnewAsync(Work.In, Work.Out);

    public Task DisposeAsync() => Task.CompletedTask;

    [ContractFact]
    public async Task Committed_records_are_there_aborted_ones_are_missing_and_open_ones_are_waited_for()
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(ClientSettings.Transactions(_options, "test")).Build();
        producer.InitTransactions(Patience);
        var kept = await WriteAsync(Work.In);
        producer.CommitTransaction(Patience);
        var dropped = await WriteAsync(Work.Out);
        producer.AbortTransaction(Patience);
        Missing(kept, dropped).ShouldBe([dropped.TopicPartition]);

        var last = await WriteAsync(Work.Out);
        Should.Throw<KafkaException>(() => Missing(last));
        producer.CommitTransaction(Patience);
        Missing(kept, last).ShouldBeEmpty();
        Missing(new TopicPartitionOffset(kept.TopicPartition, kept.Offset + 100)).ShouldBe([kept.TopicPartition]); // cut off

        async Task<TopicPartitionOffset> WriteAsync(string topic)
        {
            producer.BeginTransaction();
            return (await producer.ProduceAsync(new Confluent.Kafka.TopicPartition(topic, 0), new Message<byte[], byte[]> { Key = [1], Value = [2] })).TopicPartitionOffset;
        }
    }

    private IReadOnlyList<Confluent.Kafka.TopicPartition> Missing(params TopicPartitionOffset[] places) =>
        new ReadBack(_options).Missing(places.ToDictionary(at => at.TopicPartition, at => at.Offset.Value));
}
