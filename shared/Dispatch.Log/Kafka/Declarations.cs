using Confluent.Kafka;
using Dispatch.Contracts;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// The first start of a group: its positions (0) and the note that it is known are written together, in a transaction that fences everybody who began the same before. So a group that is
/// known and lacks a position has lost it, and no late comer puts back one that has moved.
/// </summary>
sealed class Declarations(KafkaOptions options, Layout layout, ILogger log)
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(10);

    /// <summary>Uneven: instances that start together fence one another here, and would go on doing so in step.</summary>
    private static TimeSpan Rest => TimeSpan.FromMilliseconds(Random.Shared.Next(200, 1_500));

    public async Task DeclareAsync(Group group, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                if ((await MissingAsync(group, stop)).Count > 0)
                {
                    await WriteAsync(group, stop);
                }

                return;
            }
            catch (KafkaException e)
            {
                log.TransactionsWait(group.Name, e.Error.Reason);
                await Task.Delay(Rest, stop);
            }
        }
    }

    private async Task<List<string>> MissingAsync(Group group, CancellationToken stop) => [.. group.Topics.Except(await KnownAsync(group, stop), StringComparer.Ordinal)];

    private async Task<IEnumerable<string>> KnownAsync(Group group, CancellationToken stop) =>
        await layout.Progress.FindAsync(ProgressTopic.GroupKey(group.Name), stop) is { } value ? DeclaredGroup.Parser.ParseFrom(value).Topics : [];

    private async Task WriteAsync(Group group, CancellationToken stop)
    {
        using var producer = Begin(options, group.Name, log);

        // Whoever declares the same beside us is fenced now, or has finished and is read here.
        var known = (await KnownAsync(group, stop)).ToList();
        var added = group.Topics.Except(known, StringComparer.Ordinal).ToList();
        var partitions = added.SelectMany(topic => Enumerable.Range(0, layout.Of(topic)).Select(n => new TopicPartition(topic, n))).ToList();
        var first = await WithoutPositionAsync(layout.Progress, group.Name, partitions, stop);
        producer.BeginTransaction();
        layout.Progress.Write(producer, ProgressTopic.GroupKey(group.Name), new DeclaredGroup { Topics = { known, added } });
        Commit(options, layout.Progress, producer, group.Name, first);
        log.GroupDeclared(group.Name, partitions.Count, string.Join(' ', added));
    }

    /// <summary>Partitions that were added to topics of a known group begin at 0, too.</summary>
    public static async Task AddAsync(KafkaOptions options, ProgressTopic progress, string group, IReadOnlyCollection<TopicPartition> partitions, ILogger log, CancellationToken stop)
    {
        using var producer = Begin(options, group, log);
        var first = await WithoutPositionAsync(progress, group, partitions, stop);
        producer.BeginTransaction();
        Commit(options, progress, producer, group, first);
    }

    private static IProducer<byte[], byte[]> Begin(KafkaOptions options, string group, ILogger log)
    {
        var producer = Clients.Producer(ClientSettings.Transactions(options, $"dispatch.declare.{group}"), log);
        try
        {
            producer.InitTransactions(CallTime);
            return producer;
        }
        catch
        {
            producer.Dispose();
            throw;
        }
    }

    /// <summary>To be asked before the transaction: it waits until nothing in `progress` is undecided.</summary>
    private static async Task<List<TopicPartition>> WithoutPositionAsync(ProgressTopic progress, string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop) =>
        [.. (await progress.PositionsAsync(group, partitions, stop)).Where(at => at.Value is null).Select(at => at.Key)];

    private static void Commit(KafkaOptions options, ProgressTopic progress, IProducer<byte[], byte[]> producer, string group, IReadOnlyCollection<TopicPartition> first)
    {
        foreach (var partition in first)
        {
            progress.Write(producer, ProgressTopic.PositionKey(group, partition), ProgressTopic.Of(Position.Zero, []));
        }

        using var reader = Clients.Consumer(ClientSettings.Reader(options, group)).Build();
        producer.SendOffsetsToTransaction(first.Select(of => new TopicPartitionOffset(of.Topic, of.Partition, 0)), reader.ConsumerGroupMetadata, CallTime);
        producer.CommitTransaction(CallTime);
    }
}
