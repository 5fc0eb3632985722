using System.Collections.Concurrent;
using System.Text;
using Confluent.Kafka;
using Dispatch.Log.Clusters;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Dispatch.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit.Abstractions;
using TopicPartition = Dispatch.Log.TopicPartition;

namespace Dispatch.Log.Tests;

/// <summary>The brokers go away while a hop is in the middle of its transactions, and come back.</summary>
[NeedsKafka, Collection(RealKafka.Name)]
public sealed class KafkaOutageTests(ITestOutputHelper output)
{
    private const int Outages = 3;
    private const int PartitionsLost = 1037;
    private const int PositionUndone = 1043;
    private const int WrittenAgain = 1045;
    private const int NotReadBack = 1046;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan LessThanAnOutage = TimeSpan.FromSeconds(6); // of a session
    private static readonly TimeSpan MoreThanAnOutage = TimeSpan.FromSeconds(45);

    private readonly OutputLog _says = new(output);

    private static TopicPartition Copied { get; } = new(Work.Out, Partitioner.Of("k"u8, 2));

    private static Group Hop { get; } = new("hop", [Work.In]) { BatchSizeMax = 20 };

    [ContractFact]
    public async Task What_was_under_way_when_the_brokers_were_killed_happened_as_a_whole_or_not_at_all()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, LessThanAnOutage);
        var acknowledged = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var appending = AppendAsync(log, acknowledged, stop.Token);
        var copied = 0L;
        var run = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        for (var outage = 0; outage < Outages; outage++)
        {
            var before = Interlocked.Read(ref copied);
            await Eventually.HoldsAsync(() => Interlocked.Read(ref copied) > before + 100, Patience);
            await RestartAsync(brokers);
        }

        var after = Interlocked.Read(ref copied);
        await Eventually.HoldsAsync(() => Interlocked.Read(ref copied) > after + 100, Patience);
        await stop.CancelAsync();
        await Task.WhenAll(appending, run);
        await Copies.AreWholeAsync(log, acknowledged, "after the outages", mayRepeat: _says.HasSaid(PositionUndone)); // docs/adr/0014-seals.md, "Price": loud, and never a loss
    }

    /// <summary>As brokers do that forget the end of an acknowledged transaction, and whose next one is aborted.</summary>
    [ContractFact]
    public async Task A_position_that_brokers_lose_in_an_outage_is_written_again()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, MoreThanAnOutage);
        var of = new TopicPartition(Work.In, 0);
        await log.AppendAsync([.. Enumerable.Range(0, 5).Select(n => Logs.Value($"{n}", topic: Work.In) with { Partition = 0 })]);
        var copied = 0;
        using var stop = new CancellationTokenSource();
        var run = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 5);

        MoveBack(brokers, of);
        (await log.PositionAsync(Hop.Name, of))!.Next.ShouldBe(0);
        await RestartAsync(brokers);

        await Eventually.HoldsAsync(async () => await PositionAsync() == 5, Patience);
        _says.HasSaid(WrittenAgain).ShouldBeTrue();
        await log.AppendAsync([Logs.Value("5", topic: Work.In) with { Partition = 0 }]);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 6, Patience);
        await stop.CancelAsync();
        await run;
        (await Logs.ReadAsync(log, Copied)).ShouldBe(["0", "1", "2", "3", "4", "5"]);

        async Task<long?> PositionAsync()
        {
            try
            {
                return (await log.PositionAsync(Hop.Name, of))?.Next;
            }
            catch (LogUnavailableException)
            {
                return null;
            }
        }
    }

    /// <summary>Whoever was given the partitions meanwhile began where the position stood.</summary>
    [ContractFact]
    public async Task A_position_that_brokers_lose_is_gone_back_to_when_the_partition_was_lost_too()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, LessThanAnOutage);
        var of = new TopicPartition(Work.In, 0);
        await log.AppendAsync([.. Enumerable.Range(0, 5).Select(n => Logs.Value($"{n}", topic: Work.In) with { Partition = 0 })]);
        var copied = 0;
        var run = log.RunAsync(Hop, (partition, revoked) => CopyAsync(partition, count => Interlocked.Add(ref copied, count), revoked), CancellationToken.None);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 5);

        MoveBack(brokers, of);
        await brokers.Nodes[0].KillAsync();
        await Eventually.HoldsAsync(() => _says.HasSaid(PartitionsLost), Patience);
        brokers.Nodes[0].Start();

        await Should.ThrowAsync<LogUnavailableException>(run.WaitAsync(Patience));
        _says.HasSaid(PositionUndone).ShouldBeTrue();
        (await log.PositionAsync(Hop.Name, of))!.Next.ShouldBe(0);
        using var stop = new CancellationTokenSource();
        var again = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 10, Patience);
        await stop.CancelAsync();
        await again;
    }

    [ContractFact]
    public async Task A_part_of_a_transaction_that_brokers_lose_in_an_outage_is_written_again()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, LessThanAnOutage);
        var copied = 0;
        using var stop = new CancellationTokenSource();
        var run = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        await log.AppendAsync([Logs.Value("0", topic: Work.In)]);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 1, Patience);

        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = brokers.Brokers }).Build())
        {
            await admin.DeleteRecordsAsync([new TopicPartitionOffset(Copied.Topic, Copied.Partition, Offset.End)]);
        }

        (await Logs.ReadAsync(log, Copied)).ShouldBeEmpty();
        await brokers.Nodes[0].StopAsync(); // a killed one would have its records again
        brokers.Nodes[0].Start();

        await Eventually.HoldsAsync(() => _says.HasSaid(WrittenAgain), Patience);
        await Eventually.HoldsAsync(async () => (await Logs.ReadAsync(log, Copied)).Count == 1, Patience);
        await stop.CancelAsync();
        await run;
        (await Logs.ReadAsync(log, Copied)).ShouldBe(["0"]);
        copied.ShouldBe(1);
    }

    /// <summary>As a process leaves behind that died in the outage.</summary>
    [ContractFact]
    public async Task An_open_transaction_of_somebody_else_stops_nobody_for_ever()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, MoreThanAnOutage);
        using var other = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = brokers.Brokers, TransactionalId = "other", TransactionTimeoutMs = 600_000 }).Build();
        other.InitTransactions(Patience);
        other.BeginTransaction();
        await other.ProduceAsync(new Confluent.Kafka.TopicPartition(Copied.Topic, Copied.Partition), new Message<byte[], byte[]> { Key = [1], Value = [1] });
        var copied = 0;
        using var stop = new CancellationTokenSource();
        var run = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        await log.AppendAsync([Logs.Value("0", topic: Work.In)]);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 1, Patience);

        await RestartAsync(brokers);
        await log.AppendAsync([Logs.Value("1", topic: Work.In)]);
        await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == 2, Patience);
        _says.HasSaid(NotReadBack).ShouldBeTrue();
        await stop.CancelAsync();
        await run;
    }

    [ContractFact]
    public async Task Seals_are_read_by_nobody_and_count_for_nothing()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, LessThanAnOutage);
        using var stop = new CancellationTokenSource();
        var copied = 0;
        var run = RunAsync(log, count => Interlocked.Add(ref copied, count), stop.Token);
        string[] values = ["0", "1"];
        for (var n = 0; n < values.Length; n++)
        {
            await log.AppendAsync([Logs.Value(values[n], topic: Work.In)]);
            await Eventually.HoldsAsync(() => Volatile.Read(ref copied) == n + 1, Patience);
            if (n == 0)
            {
                await RestartAsync(brokers);
                await Eventually.HoldsAsync(() => Seals() > 0, Patience); // one more for what the client met while the first was put
            }
        }

        await stop.CancelAsync();
        await run;
        (await Logs.ReadAsync(log, Copied)).ShouldBe(values);

        int Seals()
        {
            using var reader = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = brokers.Brokers, GroupId = "test", EnablePartitionEof = true, IsolationLevel = IsolationLevel.ReadCommitted }).Build();
            reader.Assign(new TopicPartitionOffset(Copied.Topic, Copied.Partition, Offset.Beginning));
            var seals = 0;
            while (reader.Consume(Patience) is { IsPartitionEOF: false } result)
            {
                seals += Messages.IsSeal(result) ? 1 : 0;
            }

            return seals;
        }
    }

    [ContractFact]
    public async Task The_health_check_fails_while_no_broker_answers()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        await using var log = await OpenAsync(brokers, LessThanAnOutage);
        var check = new KafkaHealthCheck(new ClusterWeights([new Cluster(0, "main", 100, log)]), log);
        (await StatusAsync()).ShouldBe(HealthStatus.Healthy);

        await brokers.Nodes[0].KillAsync();
        await Eventually.HoldsAsync(async () => await StatusAsync() == HealthStatus.Unhealthy);

        brokers.Nodes[0].Start();
        await Eventually.HoldsAsync(async () => await StatusAsync() == HealthStatus.Healthy, Patience);

        async Task<HealthStatus> StatusAsync() =>
            (await check.CheckHealthAsync(new HealthCheckContext { Registration = new HealthCheckRegistration("log", check, HealthStatus.Unhealthy, null) })).Status;
    }

    private static void MoveBack(PrivateBrokers brokers, TopicPartition of)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = brokers.Brokers, TransactionalId = "test" }).Build();
        using var nobody = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = brokers.Brokers, GroupId = Hop.Name }).Build();
        producer.InitTransactions(Patience);
        producer.BeginTransaction();
        producer.SendOffsetsToTransaction([new TopicPartitionOffset(of.Topic, of.Partition, 0)], nobody.ConsumerGroupMetadata, Patience);
        producer.CommitTransaction(Patience);
    }

    private static async Task RestartAsync(PrivateBrokers brokers)
    {
        await brokers.Nodes[0].KillAsync();
        brokers.Nodes[0].Start();
        await brokers.ReadyAsync(CancellationToken.None);
    }

    private async Task<KafkaLog> OpenAsync(PrivateBrokers brokers, TimeSpan session)
    {
        var options = new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1, SessionTimeout = session };
        using var topics = new TopicAdmin(options, Work.Topics);
        await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
        return await Logs.OpenAsync(options, _says, [.. Work.Topics]);
    }

    /// <summary>Each value once, and never again: what failed may be there or not.</summary>
    private static async Task AppendAsync(KafkaLog log, ConcurrentBag<string> acknowledged, CancellationToken stop)
    {
        for (var n = 0; !stop.IsCancellationRequested; n++)
        {
            var values = Enumerable.Range(0, 5).Select(i => $"{n}-{i}").ToArray();
            try
            {
                await log.AppendAsync([.. values.Select(value => new Record(Work.In, Encoding.UTF8.GetBytes(value), Encoding.UTF8.GetBytes(value)))], CancellationToken.None);
                Array.ForEach(values, acknowledged.Add);
            }
            catch (AppendException)
            {
                // Not acknowledged.
            }
        }
    }

    /// <summary>As a service does: it joins again.</summary>
    private static async Task RunAsync(KafkaLog log, Action<int> copied, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await log.RunAsync(Hop, (partition, revoked) => CopyAsync(partition, copied, revoked), stop);
            }
            catch (LogUnavailableException)
            {
                // Its positions are back where they were.
            }
        }
    }

    /// <summary>As a hop does: a commit that failed is made again, with the same outputs and position.</summary>
    private static async Task CopyAsync(IPartition partition, Action<int> copied, CancellationToken stop)
    {
        await foreach (var batch in partition.ReadAsync(partition.Start, stop))
        {
            while (!await TryCommitAsync(partition, batch))
            {
                await Task.Yield();
            }

            copied(batch.Entries.Count);
        }
    }

    private static async Task<bool> TryCommitAsync(IPartition partition, Batch batch)
    {
        try
        {
            await partition.CommitAsync([.. batch.Entries.Select(entry => new Record(Work.Out, entry.Key, entry.Value))], new Position(batch.End), CancellationToken.None);
            return true;
        }
        catch (AppendException e) when (e.Persistence == Persistence.NotPersisted)
        {
            return false;
        }
        catch (LeaseLostException)
        {
            return true; // the next owner goes on
        }
    }
}
