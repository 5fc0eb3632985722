using System.Collections.Concurrent;
using System.Diagnostics;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>What was found when a cluster was tried.</summary>
/// <param name="Fault">Why nothing should be written to it; null: it takes and gives.</param>
/// <param name="Slowest">Until the last partition had acknowledged.</param>
public sealed record PreflightResult(string? Fault, int Partitions, TimeSpan Slowest);

/// <summary>
/// Tries a cluster before traffic depends on it: its topics are compared with the promises, a real record goes to every partition, acknowledged by all replicas that must, and is read back as
/// a consumer reads. The record is a seal, which all our readers pass over.
/// </summary>
sealed class Preflight(KafkaOptions options, IReadOnlyCollection<string> topics)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <param name="partitions">Those that are written to.</param>
    public async Task<PreflightResult> RunAsync(IReadOnlyList<TopicPartition> partitions, CancellationToken stop)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            using (var admin = new TopicAdmin(options, topics))
            {
                if ((await admin.CompareAsync(stop).WaitAsync(Patience, stop)).Where(it => it.BreaksPromise).ToList() is { Count: > 0 } broken)
                {
                    return Failed($"the topics do not keep the promises (./dispatch topics): {broken[0]}{(broken.Count > 1 ? $", and {broken.Count - 1} more" : "")}");
                }
            }

            began = Stopwatch.GetTimestamp();
            var (offsets, fault) = await ProduceAsync(partitions, stop);
            var slowest = Stopwatch.GetElapsedTime(began);
            fault ??= await Task.Factory.StartNew(() => Consume(offsets, stop), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return new PreflightResult(fault, partitions.Count, slowest);
        }
        catch (Exception e) when (e is KafkaException or LogUnavailableException or TimeoutException)
        {
            return Failed(e.Message);
        }

        PreflightResult Failed(string why) => new(why, partitions.Count, Stopwatch.GetElapsedTime(began));
    }

    private async Task<(List<TopicPartitionOffset> Offsets, string? Fault)> ProduceAsync(IReadOnlyList<TopicPartition> partitions, CancellationToken stop)
    {
        var config = ClientSettings.Producer(options);
        config.MessageTimeoutMs = (int)Patience.TotalMilliseconds;
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        var faults = new ConcurrentQueue<string>();
        var reports = await Task.WhenAll(partitions.Select(async it =>
        {
            try
            {
                return (await producer.ProduceAsync(new Confluent.Kafka.TopicPartition(it.Topic, it.Partition), Messages.Seal(), stop)).TopicPartitionOffset;
            }
            catch (ProduceException<byte[], byte[]> e)
            {
                faults.Enqueue($"{it.Topic}/{it.Partition} did not acknowledge: {e.Error.Reason}");
                return null;
            }
        }));
        return ([.. reports.OfType<TopicPartitionOffset>()], faults.IsEmpty ? null : First([.. faults]));
    }

    private string? Consume(List<TopicPartitionOffset> written, CancellationToken stop)
    {
        using var reader = Clients.Consumer(ClientSettings.Reader(options)).Build();
        reader.Assign(written);
        var left = written.Select(it => it.TopicPartition).ToHashSet();
        for (var began = Stopwatch.GetTimestamp(); left.Count > 0 && Stopwatch.GetElapsedTime(began) < Patience;)
        {
            stop.ThrowIfCancellationRequested();
            if (reader.Consume(100) is { IsPartitionEOF: false } read)
            {
                left.Remove(read.TopicPartition);
            }
        }

        return left.Count == 0 ? null : First([.. left.Select(it => $"{it.Topic}/{it.Partition.Value} acknowledged a record that nobody can read")]);
    }

    private static string First(string[] faults) => faults.Length == 1 ? faults[0] : $"{faults[0]}; and {faults.Length - 1} more";
}
