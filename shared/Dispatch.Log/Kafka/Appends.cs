using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// The idempotent producer behind <see cref="IEventLog.AppendAsync"/>. One that has become unusable is replaced by the next call, and whoever still waits for it is told: every append is
/// answered, though while brokers are away not before they are back.
/// </summary>
sealed class Appends(KafkaOptions options, ILogger log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private Sender? _sender;
    private bool _isDisposed;

    /// <summary>Connects beforehand: the first append waits for its own acknowledgement alone.</summary>
    public void Connect()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                Current();
            }
        }
    }

    public Task AppendAsync(IReadOnlyList<Record> records, Func<Record, Confluent.Kafka.TopicPartition> place) => Current().AppendAsync(records, place);

    /// <summary>What waits for brokers that do not answer will not be sent any more, and is told so: it may be there, or not. The next append begins anew.</summary>
    public void GiveUp(string why) => Replace(new Error(ErrorCode.Local_TimedOut, why), isHopeless: true);

    public async ValueTask DisposeAsync()
    {
        Sender? sender;
        lock (_gate)
        {
            (sender, _sender, _isDisposed) = (_sender, null, true);
        }

        if (sender is not null)
        {
            await Task.Run(() => sender.End(isHopeless: false));
        }
    }

    private Sender Current()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _sender ??= new Sender(options, log, why => Replace(why, isHopeless: false));
        }
    }

    private void Replace(Error why, bool isHopeless)
    {
        Sender? old;
        lock (_gate)
        {
            (old, _sender) = (_sender, null);
        }

        if (old is not null)
        {
            log.ProducerReplaced(why.Reason);
            _ = Task.Run(() => old.End(isHopeless)); // not here: this is its own thread
        }
    }

    /// <summary>One producer, and who waits for it.</summary>
    private sealed class Sender
    {
        private readonly ConcurrentDictionary<Append, bool> _waiting = new();
        private readonly IProducer<byte[], byte[]> _producer;

        public Sender(KafkaOptions options, ILogger log, Action<Error> fatal) => _producer = Clients.Producer(ClientSettings.Producer(options), log, fatal);

        [SuppressMessage("Performance", "CA1849", Justification = "Produce with a callback is the asynchronous form; ProduceAsync makes a task for each record.")]
        public async Task AppendAsync(IReadOnlyList<Record> records, Func<Record, Confluent.Kafka.TopicPartition> place)
        {
            var append = new Append(records.Count);
            _waiting[append] = true;
            try
            {
                foreach (var record in records)
                {
                    try
                    {
                        _producer.Produce(place(record), Messages.Of(record), append.Report);
                    }
                    catch (ProduceException<byte[], byte[]> e) // the queue is full, or the producer is beyond repair: nothing of this record has left
                    {
                        append.Report(e.Error, PersistenceStatus.NotPersisted);
                    }
                    catch (ObjectDisposedException)
                    {
                        append.Report(new Error(ErrorCode.Local_Fatal, "the producer was replaced"), PersistenceStatus.NotPersisted);
                    }
                }

                await append.Task;
            }
            finally
            {
                _waiting.TryRemove(append, out _);
            }
        }

        /// <summary>Waits for what is on its way, for a while, if there is hope; what is not answered by then never will be.</summary>
        public void End(bool isHopeless)
        {
            if (!isHopeless)
            {
                _producer.Flush(ClientSettings.TransactionTimeout);
            }

            _producer.Dispose();
            foreach (var append in _waiting.Keys)
            {
                append.Abandon();
            }
        }
    }

    /// <summary>Done when every record has been acknowledged, or is known to have failed.</summary>
    private sealed class Append
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly int _count;
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
                _done.TrySetResult();
                return;
            }

            var persistence = _certain == _count ? Persistence.NotPersisted : Persistence.PossiblyPersisted;
            _done.TrySetException(new AppendException($"{_failed} of {_count} records were not acknowledged by the brokers: {_error.Reason} ({_error.Code}).", persistence, new KafkaException(_error)));
        }

        public void Abandon() => _done.TrySetException(new AppendException("The producer ended before the brokers answered.", Persistence.PossiblyPersisted));
    }
}
