using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// One transactional id, and the client that holds it at the moment; a client that has become unusable is replaced by the next. Calls wait for brokers that are away, until the owner closes.
/// Not safe for several threads.
/// </summary>
sealed class TransactionalProducer(KafkaOptions options, string id, string group, ILogger log, CancellationToken closing) : IDisposable
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NoReturn = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RestTime = TimeSpan.FromMilliseconds(100);

    private IProducer<byte[], byte[]>? _producer;
    private volatile Error? _deliveryError;
    private volatile bool _isTroubled;

    /// <summary>Brokers were away, or a call failed, since this was last reset: what was acknowledged shortly before may have lost its marks (docs/adr/0014-seals.md).</summary>
    public bool IsTroubled
    {
        get => _isTroubled;
        set => _isTroubled = value;
    }

    /// <summary>Why records of the transaction were not taken, which the failure of the transaction itself does not say; null: it knows best.</summary>
    public Error? DeliveryError => _deliveryError;

    /// <summary>The group has moved on: its positions are not this member's to move, or not yet again.</summary>
    public static bool IsFenced(Error error) => error.Code is ErrorCode.IllegalGeneration or ErrorCode.UnknownMemberId or ErrorCode.FencedInstanceId or ErrorCode.RebalanceInProgress;

    public void Begin()
    {
        Open();
        _deliveryError = null;
        _producer!.BeginTransaction();
    }

    public void Produce(Confluent.Kafka.TopicPartition to, Message<byte[], byte[]> message, Action<TopicPartitionOffset>? delivered = null) =>
        _producer!.Produce(to, message, report => Delivered(report, delivered));

    public void SendOffsets(IEnumerable<TopicPartitionOffset> offsets, Func<IConsumerGroupMetadata> member)
    {
        var producer = _producer!;
        Repeat(() => Within(() => producer.SendOffsetsToTransaction(offsets, member(), CallTime)));
    }

    public void Commit()
    {
        var producer = _producer!;
        Repeat(() => Within(() => producer.CommitTransaction(CallTime)));
    }

    /// <summary>What cannot be aborted by this client is aborted by its successor's first call.</summary>
    public void Abort()
    {
        var producer = _producer!;
        _isTroubled = true; // it takes along whatever is not decided yet in its partitions
        try
        {
            Repeat(() => Within(() => producer.AbortTransaction(CallTime)));
        }
        catch (KafkaException e)
        {
            Replace(e.Error.Reason);
        }
    }

    /// <summary>The same transactional id: when this returns, what its predecessor left open is decided.</summary>
    public void Replace(string why)
    {
        log.ProducerReplaced(why);
        _isTroubled = true;
        _producer?.Dispose();
        _producer = null;
        Open();
    }

    /// <summary>Before the same is tried again.</summary>
    /// <exception cref="OperationCanceledException">The owner closes.</exception>
    public void Rest()
    {
        closing.WaitHandle.WaitOne(RestTime);
        closing.ThrowIfCancellationRequested();
    }

    public void Dispose() => _producer?.Dispose();

    private void Open()
    {
        while (_producer is null)
        {
            var producer = Clients.Producer(ClientSettings.Transactions(options, id), log, trouble: () => _isTroubled = true);
            try
            {
                Repeat(() => producer.InitTransactions(CallTime));
                _producer = producer;
            }
            catch (KafkaException e) when (!closing.IsCancellationRequested)
            {
                producer.Dispose();
                log.TransactionsWait(group, e.Error.Reason);
                closing.WaitHandle.WaitOne(RestTime);
            }
            catch
            {
                producer.Dispose();
                throw;
            }
        }
    }

    private void Delivered(DeliveryReport<byte[], byte[]> report, Action<TopicPartitionOffset>? delivered)
    {
        if (report.Error.IsError)
        {
            _deliveryError = report.Error; // the transaction fails by itself; this says why
        }
        else
        {
            delivered?.Invoke(report.TopicPartitionOffset);
        }
    }

    /// <summary>
    /// librdkafka sometimes does not return from SendOffsetsToTransaction at all, long after its time (seen with 2.15.1, brokers under load, while the group moved), and then nothing of the class would
    /// be committed until a restart. Such a producer is left behind with the thread that waits in it: to dispose of it would wait as well, or pull it away from under that thread. Its successor has the
    /// same transactional id, so what it left open is aborted.
    /// </summary>
    private void Within(Action call)
    {
        var called = Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        if (Task.WaitAny([called], NoReturn) == 0)
        {
            called.GetAwaiter().GetResult();
            return;
        }

        _producer = null;
        throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"the client did not return from a call within {NoReturn}"));
    }

    /// <summary>Calls of a transaction that are answered "not yet" are to be made again, for as long as it takes.</summary>
    private void Repeat(Action call)
    {
        while (true)
        {
            try
            {
                call();
                return;
            }
            catch (KafkaRetriableException)
            {
                _isTroubled = true;
                closing.ThrowIfCancellationRequested();
            }
        }
    }
}
