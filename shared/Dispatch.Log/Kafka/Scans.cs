using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>Reads without a group: a partition from a time to its end, and where that end is.</summary>
sealed class Scans(KafkaOptions options) : IDisposable
{
    private const int ChunkMax = 500;
    private const int ChunksMax = 4; // read ahead of who takes them
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);

    private readonly Watermarks _marks = new(ClientSettings.Reader(options));

    /// <exception cref="LogUnavailableException">The brokers did not answer in time.</exception>
    public Task<long> EndAsync(TopicPartition of, CancellationToken stop) => Task.Run(() => Asked(() => _marks.Of(Theirs(of)).High.Value), stop);

    /// <exception cref="LogUnavailableException">The brokers did not answer in time.</exception>
    public async IAsyncEnumerable<Entry> ScanAsync(TopicPartition of, DateTimeOffset since, [EnumeratorCancellation] CancellationToken stop)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var chunks = Channel.CreateBounded<List<Entry>>(new BoundedChannelOptions(ChunksMax) { SingleReader = true, SingleWriter = true });
        var reading = Task.Factory.StartNew(() => Read(of, since, chunks.Writer, ends.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var chunk in chunks.Reader.ReadAllAsync(stop))
            {
                foreach (var entry in chunk)
                {
                    yield return entry;
                }
            }
        }
        finally
        {
            await ends.CancelAsync();
            await reading;
        }
    }

    public void Dispose() => _marks.Dispose();

    private static Confluent.Kafka.TopicPartition Theirs(TopicPartition of) => new(of.Topic, of.Partition);

    private static T Asked<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (KafkaException e)
        {
            throw new LogUnavailableException($"Kafka did not answer: {e.Error.Reason}", e);
        }
    }

    private void Read(TopicPartition of, DateTimeOffset since, ChannelWriter<List<Entry>> to, CancellationToken stop)
    {
        try
        {
            Asked(() =>
            {
                Read(Theirs(of), since, to, stop);
                return true;
            });
            to.Complete();
        }
        catch (Exception e) when (e is LogUnavailableException or OperationCanceledException)
        {
            to.Complete(e);
        }
    }

    private void Read(Confluent.Kafka.TopicPartition of, DateTimeOffset since, ChannelWriter<List<Entry>> to, CancellationToken stop)
    {
        using var reader = Clients.Consumer(ClientSettings.Reader(options)).Build();
        var marks = reader.QueryWatermarkOffsets(of, CallTime);
        var from = since.ToUnixTimeMilliseconds();
        var start = from <= 0 || options.IsStandIn ? marks.Low : reader.OffsetsForTimes([new TopicPartitionTimestamp(of, new Timestamp(from, TimestampType.CreateTime))], CallTime)[0].Offset;
        if (start.IsSpecial || start >= marks.High)
        {
            return;
        }

        reader.Assign(new TopicPartitionOffset(of, start));
        var chunk = new List<Entry>();
        for (var next = start.Value; next < marks.High.Value;)
        {
            stop.ThrowIfCancellationRequested();
            var result = reader.Consume(100);
            if (result is { IsPartitionEOF: false } && !Messages.IsSeal(result) && result.Offset < marks.High && result.Message.Timestamp.UnixTimestampMs >= from)
            {
                chunk.Add(Messages.Read(result));
            }

            next = result is null ? next : result.IsPartitionEOF ? result.Offset.Value : result.Offset.Value + 1;
            if (chunk.Count >= ChunkMax || (chunk.Count > 0 && (result is null || next >= marks.High.Value)))
            {
                to.WriteAsync(chunk, stop).AsTask().GetAwaiter().GetResult(); // a thread of its own
                chunk = [];
            }
        }
    }
}
