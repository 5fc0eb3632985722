using System.Collections.Concurrent;
using System.Text;
using Confluent.Kafka;
using Dispatch.Log.Clusters;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;
using Dispatch.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit.Abstractions;

namespace Dispatch.Log.Tests;

/// <summary>The brokers go away while a hop is in the middle of its transactions, and come back.</summary>
[NeedsKafka]
public sealed class KafkaOutageTests(ITestOutputHelper output)
{
    private const int Outages = 3;
    private const int PositionUndone = 1043;

    [ContractFact]
    public async Task What_was_under_way_when_the_brokers_were_killed_happened_as_a_whole_or_not_at_all()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.LessThanAnOutage);
        var acknowledged = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var appending = AppendAsync(rig.Log, acknowledged, stop.Token);
        rig.BeginCopying();
        for (var outage = 0; outage < Outages; outage++)
        {
            await rig.HasCopiedAsync(rig.Copied + 100);
            await rig.RestartAsync();
        }

        await rig.HasCopiedAsync(rig.Copied + 100);
        await stop.CancelAsync();
        await appending;
        await rig.StopCopyingAsync();
        await Copies.AreWholeAsync(rig.Log, acknowledged, "after the outages", mayRepeat: rig.Says.HasSaid(PositionUndone)); // docs/adr/0014-seals.md, "Price": loud, and never a loss
    }

    [ContractFact]
    public async Task Seals_are_read_by_nobody_and_count_for_nothing()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.LessThanAnOutage);
        rig.BeginCopying();
        await rig.Log.AppendAsync([Logs.Value("0", topic: Work.In)]);
        await rig.HasCopiedAsync(1);
        await rig.RestartAsync();
        await Eventually.HoldsAsync(() => Seals() > 0, OutageRig.Patience); // one more for what the client met while the first was put

        await rig.Log.AppendAsync([Logs.Value("1", topic: Work.In)]);
        await rig.HasCopiedAsync(2);
        await rig.StopCopyingAsync();
        rig.Copied.ShouldBe(2);
        (await Logs.ReadAsync(rig.Log, OutageRig.Copies)).ShouldBe(["0", "1"]);

        int Seals()
        {
            using var reader = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = rig.Broker.Address, GroupId = "test", EnablePartitionEof = true, IsolationLevel = IsolationLevel.ReadCommitted }).Build();
            reader.Assign(new TopicPartitionOffset(OutageRig.Copies.Topic, OutageRig.Copies.Partition, Offset.Beginning));
            var seals = 0;
            while (reader.Consume(OutageRig.Patience) is { IsPartitionEOF: false } result)
            {
                seals += Messages.IsSeal(result) ? 1 : 0;
            }

            return seals;
        }
    }

    [ContractFact]
    public async Task The_health_check_fails_while_no_broker_answers()
    {
        await using var rig = await OutageRig.StartAsync(output, OutageRig.LessThanAnOutage);
        var check = new KafkaHealthCheck(new ClusterWeights([new Cluster(0, "main", 100, rig.Log)]), rig.Log);
        (await StatusAsync()).ShouldBe(HealthStatus.Healthy);

        await rig.Broker.Node.KillAsync();
        await Eventually.HoldsAsync(async () => await StatusAsync() == HealthStatus.Unhealthy);

        rig.Broker.Node.Start();
        await Eventually.HoldsAsync(async () => await StatusAsync() == HealthStatus.Healthy, OutageRig.Patience);

        async Task<HealthStatus> StatusAsync() =>
            (await check.CheckHealthAsync(new HealthCheckContext { Registration = new HealthCheckRegistration("log", check, HealthStatus.Unhealthy, null) })).Status;
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
}
