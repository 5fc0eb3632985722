using Confluent.Kafka;
using Dispatch.Log.Crasher;
using Dispatch.Log.Kafka;
using Dispatch.Testing;
using Xunit.Abstractions;
using TopicPartition = Dispatch.Log.TopicPartition;

namespace Dispatch.Log.Tests;

/// <summary>A broker that goes away and comes back, and a hop that copies records on it as a service does.</summary>
sealed class OutageRig : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    public static readonly TimeSpan LessThanAnOutage = TimeSpan.FromSeconds(6); // of a session
    public static readonly TimeSpan MoreThanAnOutage = TimeSpan.FromSeconds(45);

    private readonly CancellationTokenSource _stop = new();
    private Task _run = Task.CompletedTask;
    private long _copied;

    private OutageRig(Broker broker, OutputLog says, KafkaLog log) => (Broker, Says, Log) = (broker, says, log);

    /// <summary>Where what has the key of <see cref="Logs.Value"/> is copied to.</summary>
    public static TopicPartition Copies { get; } = new(Work.Out, Partitioner.Of("k"u8, 2));

    public static Group Group { get; } = new("hop", [Work.In]) { BatchSizeMax = 20 };

    public OutputLog Says { get; }

    public Broker Broker { get; }

    public KafkaLog Log { get; }

    /// <summary>Records whose commit was answered.</summary>
    public long Copied => Interlocked.Read(ref _copied);

    public static async Task<OutageRig> StartAsync(ITestOutputHelper output, TimeSpan session)
    {
        var broker = await Broker.StartAsync(topics: Work.Topics);
        try
        {
            var says = new OutputLog(output);
            var options = new KafkaOptions { Brokers = broker.Address, Partitions = 2, Replication = 1, SessionTimeout = session };
            return new OutageRig(broker, says, await Logs.OpenAsync(options, says, [.. Work.Topics]));
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills the broker, starts it again, and returns when it answers.</summary>
    public async Task RestartAsync()
    {
        await Broker.Node.KillAsync();
        Broker.Node.Start();
        await Broker.ReadyAsync();
    }

    /// <summary>The hop copies until it is stopped; when its log fails it joins again.</summary>
    public void BeginCopying() => _run = RepeatAsync();

    /// <summary>One membership of the hop, however it ends.</summary>
    public Task CopyOnceAsync() => Log.RunAsync(Group, CopyAsync, _stop.Token);

    public Task HasCopiedAsync(long count) => Eventually.HoldsAsync(() => Copied >= count, Patience);

    public async Task StopCopyingAsync()
    {
        await _stop.CancelAsync();
        await _run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopCopyingAsync();
        await Log.DisposeAsync();
        await Broker.DisposeAsync();
        _stop.Dispose();
    }

    private async Task RepeatAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await CopyOnceAsync();
            }
            catch (LogUnavailableException)
            {
                // Its positions are back where they were.
            }
        }
    }

    /// <summary>As a hop does: a commit that failed is made again, with the same outputs and position.</summary>
    private async Task CopyAsync(IPartition partition, CancellationToken revoked)
    {
        await foreach (var batch in partition.ReadAsync(partition.Start, revoked))
        {
            while (!await TryCommitAsync(partition, batch))
            {
                await Task.Yield();
            }

            Interlocked.Add(ref _copied, batch.Entries.Count);
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
