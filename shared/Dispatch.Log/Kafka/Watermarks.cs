using Confluent.Kafka;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Where partitions begin and end, asked of their leaders. A client that reads nothing does not hear that a leader has moved, and goes on asking the old one for a minute (measured, with brokers
/// under load): so after a refusal a new one asks. One call at a time, so that none is disposed of under another.
/// </summary>
sealed class Watermarks(ConsumerConfig settings) : IDisposable
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private IConsumer<byte[], byte[]>? _asks;
    private bool _isDisposed;

    /// <exception cref="KafkaException">The brokers did not answer in time, or refused; asking again is safe.</exception>
    public WatermarkOffsets Of(Confluent.Kafka.TopicPartition partition)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            try
            {
                _asks ??= Clients.Consumer(settings).Build();
                return _asks.QueryWatermarkOffsets(partition, CallTime);
            }
            catch (KafkaException)
            {
                _asks?.Dispose();
                _asks = null;
                throw;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _asks?.Dispose();
            _asks = null;
        }
    }
}
