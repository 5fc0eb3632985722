using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>The idempotent producer behind <see cref="IEventLog.AppendAsync"/>. One that has become unusable is replaced by the next call.</summary>
sealed class Appends(KafkaOptions options, ILogger log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private IProducer<byte[], byte[]>? _producer;
    private bool _isDisposed;

    [SuppressMessage("Performance", "CA1849", Justification = "Produce with a callback is the asynchronous form; ProduceAsync makes a task for each record.")]
    public Task AppendAsync(IReadOnlyList<Record> records, Func<Record, Confluent.Kafka.TopicPartition> place)
    {
        var producer = Producer();
        var append = new Append(records.Count);
        foreach (var record in records)
        {
            try
            {
                producer.Produce(place(record), Messages.Of(record), append.Report);
            }
            catch (ProduceException<byte[], byte[]> e) // the queue is full, or the producer is beyond repair: nothing of this record has left
            {
                append.Report(e.Error, PersistenceStatus.NotPersisted);
            }
        }

        return append.Task;
    }

    public async ValueTask DisposeAsync()
    {
        IProducer<byte[], byte[]>? producer;
        lock (_gate)
        {
            (producer, _producer, _isDisposed) = (_producer, null, true);
        }

        if (producer is not null)
        {
            await Task.Run(() => producer.Flush(ClientSettings.TransactionTimeout));
            producer.Dispose();
        }
    }

    private IProducer<byte[], byte[]> Producer()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _producer ??= Clients.Producer(ClientSettings.Producer(options), log, Replace);
        }
    }

    private void Replace(Error why)
    {
        IProducer<byte[], byte[]>? old;
        lock (_gate)
        {
            (old, _producer) = (_producer, null);
        }

        if (old is not null)
        {
            log.ProducerReplaced(why.Reason);
            _ = Task.Run(old.Dispose); // not here: this is its own thread
        }
    }

    /// <summary>Done when every record has been acknowledged, or is known to have failed.</summary>
    private sealed class Append
    {
        private readonly int _count;
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left;
        private int _failed;
        private int _certain; // records that are surely not there
        private Error? _error;

        public Append(int count) => (_count, _left) = (count, count);

        public Task Task => _done.Task;

        public void Report(DeliveryReport<byte[], byte[]> report) => Report(report.Error, report.Status);

        public void Report(Error error, PersistenceStatus status)
        {
            if (error.IsError)
            {
                _error = error;
                Interlocked.Increment(ref _failed);
                if (status == PersistenceStatus.NotPersisted)
                {
                    Interlocked.Increment(ref _certain);
                }
            }

            if (Interlocked.Decrement(ref _left) > 0)
            {
                return;
            }

            if (_error is null)
            {
                _done.SetResult();
                return;
            }

            var persistence = _certain == _count ? Persistence.NotPersisted : Persistence.PossiblyPersisted;
            _done.SetException(new AppendException($"{_failed} of {_count} records were not acknowledged by the brokers: {_error.Reason} ({_error.Code}).", persistence, new KafkaException(_error)));
        }
    }
}
