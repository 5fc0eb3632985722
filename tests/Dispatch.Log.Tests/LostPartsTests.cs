using Confluent.Kafka;
using Dispatch.Log.Crasher;
using Dispatch.Testing;
using Xunit.Abstractions;
using TopicPartition = Dispatch.Log.TopicPartition;

namespace Dispatch.Log.Tests;

/// <summary>Brokers come back without a part of a transaction that they had acknowledged: docs/adr/0014-seals.md.</summary>
[NeedsKafka]
public sealed class LostPartsTests(ITestOutputHelper output)
{
    private const int PartitionsLost = 1037;
    private const int PositionUndone = 1043;
    private const int WrittenAgain = 1045;
    private const int NotReadBack = 1046;

    private static TopicPartition Source { get; } = new(Work.In, 0);

    /// <summary>As brokers do that forget the end of an acknowledged transaction, and whose next one is aborted.</summary>
    [ContractFact]
    public async Task A_position_that_brokers_lose_is_written_again()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.MoreThanAnOutage);
        await AppendAsync(rig, 0, 5);
        rig.BeginCopying();
        await rig.HasCopiedAsync(5);

        MoveBack(rig);
        (await rig.Log.PositionAsync(OutageRig.Group.Name, Source))!.Next.ShouldBe(0);
        await rig.RestartAsync();

        await Eventually.HoldsAsync(async () => await PositionAsync(rig) == 5, OutageRig.Patience);
        rig.Says.HasSaid(WrittenAgain).ShouldBeTrue();
        await AppendAsync(rig, 5, 1);
        await rig.HasCopiedAsync(6);
        await rig.StopCopyingAsync();
        (await Logs.ReadAsync(rig.Log, OutageRig.Copies)).ShouldBe(["0", "1", "2", "3", "4", "5"]);
    }

    /// <summary>Whoever was given the partitions meanwhile began where the position stood.</summary>
    [ContractFact]
    public async Task A_position_that_brokers_lose_is_gone_back_to_when_the_partition_was_lost_too()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.LessThanAnOutage);
        await AppendAsync(rig, 0, 5);
        var run = rig.CopyOnceAsync();
        await rig.HasCopiedAsync(5);

        MoveBack(rig);
        await rig.Broker.Node.KillAsync();
        await Eventually.HoldsAsync(() => rig.Says.HasSaid(PartitionsLost), OutageRig.Patience);
        rig.Broker.Node.Start();

        await Should.ThrowAsync<LogUnavailableException>(run.WaitAsync(OutageRig.Patience));
        rig.Says.HasSaid(PositionUndone).ShouldBeTrue();
        (await rig.Log.PositionAsync(OutageRig.Group.Name, Source))!.Next.ShouldBe(0);
        rig.BeginCopying();
        await rig.HasCopiedAsync(10);
    }

    [ContractFact]
    public async Task Records_that_brokers_lose_are_written_again()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.LessThanAnOutage);
        rig.BeginCopying();
        await AppendAsync(rig, 0, 1);
        await rig.HasCopiedAsync(1);

        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = rig.Broker.Address }).Build())
        {
            await admin.DeleteRecordsAsync([new TopicPartitionOffset(OutageRig.Copies.Topic, OutageRig.Copies.Partition, Offset.End)]);
        }

        (await Logs.ReadAsync(rig.Log, OutageRig.Copies)).ShouldBeEmpty();
        await rig.Broker.Node.StopAsync(); // a killed one would have its records again
        rig.Broker.Node.Start();

        await Eventually.HoldsAsync(() => rig.Says.HasSaid(WrittenAgain), OutageRig.Patience);
        await Eventually.HoldsAsync(async () => (await Logs.ReadAsync(rig.Log, OutageRig.Copies)).Count == 1, OutageRig.Patience);
        await rig.StopCopyingAsync();
        (await Logs.ReadAsync(rig.Log, OutageRig.Copies)).ShouldBe(["0"]);
        rig.Copied.ShouldBe(1);
    }

    /// <summary>As a process leaves behind that died in the outage.</summary>
    [ContractFact]
    public async Task An_open_transaction_of_somebody_else_stops_nobody_for_ever()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.MoreThanAnOutage);
        using var other = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = rig.Broker.Address, TransactionalId = "other", TransactionTimeoutMs = 600_000 }).Build();
        other.InitTransactions(OutageRig.Patience);
        other.BeginTransaction();
        await other.ProduceAsync(new Confluent.Kafka.TopicPartition(OutageRig.Copies.Topic, OutageRig.Copies.Partition), new Message<byte[], byte[]> { Key = [1], Value = [1] });
        rig.BeginCopying();
        await AppendAsync(rig, 0, 1);
        await rig.HasCopiedAsync(1);

        await rig.RestartAsync();
        await AppendAsync(rig, 1, 1);
        await rig.HasCopiedAsync(2);
        rig.Says.HasSaid(NotReadBack).ShouldBeTrue();
    }

    private static ValueTask AppendAsync(OutageRig rig, int first, int count) =>
        rig.Log.AppendAsync([.. Enumerable.Range(first, count).Select(n => Logs.Value($"{n}", topic: Source.Topic) with { Partition = Source.Partition })]);

    private static void MoveBack(OutageRig rig)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = rig.Broker.Address, TransactionalId = "test" }).Build();
        using var nobody = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = rig.Broker.Address, GroupId = OutageRig.Group.Name }).Build();
        producer.InitTransactions(OutageRig.Patience);
        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(Source.Topic, Source.Partition, 0)], nobody.ConsumerGroupMetadata, OutageRig.Patience);
        producer.CommitTransaction(OutageRig.Patience);
    }

    private static async Task<long?> PositionAsync(OutageRig rig)
    {
        try
        {
            return (await rig.Log.PositionAsync(OutageRig.Group.Name, Source))?.Next;
        }
        catch (LogUnavailableException)
        {
            return null;
        }
    }
}
