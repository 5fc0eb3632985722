using System.Collections.Concurrent;
using System.Text;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;
using Dispatch.Log.Kafka.Private;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>The brokers go away while a hop is in the middle of its transactions, and come back.</summary>
[NeedsKafka, Collection(RealKafka.Name)]
public sealed class KafkaOutageTests
{
    private const int Outages = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [ContractFact]
    public async Task What_was_under_way_when_the_brokers_were_killed_happened_as_a_whole_or_not_at_all()
    {
        using var folder = new TempFolder();
        await using var brokers = await PrivateBrokers.StartAsync(folder.Path, 1, FreePorts.Row(2), CancellationToken.None);
        var options = new KafkaOptions { Brokers = brokers.Brokers, Partitions = 2, Replication = 1, SessionTimeout = TimeSpan.FromSeconds(6) };
        using (var topics = new TopicAdmin(options, Work.Topics))
        {
            await topics.ApplyAsync(await topics.CompareAsync(CancellationToken.None), mayMoveKeys: false, CancellationToken.None);
        }

        await using var log = await Logs.OpenAsync(options, [.. Work.Topics]);
        var acknowledged = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var appending = AppendAsync(log, acknowledged, stop.Token);
        var copied = 0L;
        var run = log.RunAsync(new Group("hop", [Work.In]) { BatchSizeMax = 20 }, (partition, revoked) => CopyAsync(partition, count => Interlocked.Add(ref copied, count), revoked), stop.Token);
        for (var outage = 0; outage < Outages; outage++)
        {
            var before = Interlocked.Read(ref copied);
            await Eventually.HoldsAsync(() => Interlocked.Read(ref copied) > before + 100, Patience);
            await brokers.Nodes[0].KillAsync();
            brokers.Nodes[0].Start();
            await brokers.ReadyAsync(CancellationToken.None);
        }

        var after = Interlocked.Read(ref copied);
        await Eventually.HoldsAsync(() => Interlocked.Read(ref copied) > after + 100, Patience);
        await stop.CancelAsync();
        await Task.WhenAll(appending, run);
        await Copies.AreWholeAsync(log, acknowledged, "after the outages");
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
