using System.Collections.Concurrent;
using System.Security.Cryptography;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// Writes the commits of one class of one member, one transaction at a time; what waits meanwhile goes into the next one together.
/// Promise: a commit that is answered happened as a whole; one that failed with <see cref="Persistence.NotPersisted"/> did not happen and never will. When the brokers vanish between the two, the
/// answer waits for them: the same transactional id comes back, which decides what was open, and `progress` says how.
/// </summary>
sealed class Transactions : IDisposable
{
    private const int RecordsMax = 20_000;
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NoReturn = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    private readonly KafkaOptions _options;
    private readonly Member _member;
    private readonly string _id;
    private readonly ILogger _log;
    private readonly BlockingCollection<PendingCommit> _waiting = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly Thread _thread;
    private IProducer<byte[], byte[]>? _producer;
    private volatile Error? _deliveryError;

    public Transactions(KafkaOptions options, Member member, string id, ILogger log)
    {
        (_options, _member, _id, _log) = (options, member, id, log);
        _thread = new Thread(Run) { IsBackground = true, Name = id };
        _thread.Start();
    }

    public void Add(PendingCommit pending)
    {
        try
        {
            _waiting.Add(pending);
        }
        catch (InvalidOperationException) // closed
        {
            pending.LoseLease();
        }
    }

    /// <summary>What waits is written first, unless the brokers are away.</summary>
    public void Dispose()
    {
        _waiting.CompleteAdding();
        _closing.CancelAfter(ClientSettings.TransactionTimeout);
        _thread.Join();
        _producer?.Dispose();
        _waiting.Dispose();
        _closing.Dispose();
    }

    private void Run()
    {
        foreach (var first in _waiting.GetConsumingEnumerable())
        {
            List<PendingCommit> commits = [first];
            for (var records = first.Outputs.Count; records < RecordsMax && _waiting.TryTake(out var next); records += next.Outputs.Count)
            {
                commits.Add(next);
            }

            try
            {
                Commit(commits);
            }
            catch (Exception e) when (e is KafkaException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                commits.ForEach(commit => commit.Fail(new AppendException($"The transaction could not be finished: {e.Message}", Persistence.PossiblyPersisted, e)));
            }
        }
    }

    private void Commit(List<PendingCommit> commits)
    {
        while (true)
        {
            commits.FindAll(commit => !commit.Partition.IsAssigned).ForEach(commit => commit.LoseLease());
            commits.RemoveAll(commit => !commit.Partition.IsAssigned);
            if (commits.Count == 0)
            {
                return;
            }

            switch (Try(commits))
            {
                case (Result.Committed, _):
                    commits.ForEach(commit => commit.Succeed());
                    return;
                case (Result.Aborted, var why):
                    commits.ForEach(commit => commit.Fail(new AppendException($"The transaction was aborted: {why!.Reason} ({why.Code}).", Persistence.NotPersisted, new KafkaException(why))));
                    return;
                case (Result.Fenced, var why): // the group has moved on: with this member, or without it
                    _log.CommitFenced(_member.Group.Name, why!.Reason);
                    _closing.Token.WaitHandle.WaitOne(Rest);
                    _closing.Token.ThrowIfCancellationRequested();
                    break;
            }
        }
    }

    private (Result Result, Error? Why) Try(List<PendingCommit> commits)
    {
        var commit = RandomNumberGenerator.GetBytes(16);
        var isDeciding = false;
        var producer = Producer();
        _deliveryError = null;
        try
        {
            producer.BeginTransaction();
            foreach (var pending in commits)
            {
                foreach (var output in pending.Outputs)
                {
                    producer.Produce(_member.Place(output), Messages.Of(output), Delivered);
                }

                _member.Progress.Write(producer, ProgressTopic.PositionKey(_member.Group.Name, pending.Partition.Id), ProgressTopic.Of(pending.Position, commit), Delivered);
            }

            // The last position of a partition is the one that counts, and positions come in order.
            var offsets = commits.GroupBy(pending => pending.Partition.Id).Select(of => new TopicPartitionOffset(of.Key.Topic, of.Key.Partition, of.Last().Position.Next)).ToArray();
            Repeat(() => Within(() => producer.SendOffsetsToTransaction(offsets, _member.GroupMetadata, CallTime)));
            isDeciding = true;
            Repeat(() => Within(() => producer.CommitTransaction(CallTime)));
            return (Result.Committed, null);
        }
        catch (KafkaTxnRequiresAbortException e)
        {
            return (IsFenced(e.Error) ? Result.Fenced : Result.Aborted, Abort(producer, e.Error));
        }
        catch (ProduceException<byte[], byte[]> e) when (!e.Error.IsFatal)
        {
            return (Result.Aborted, Abort(producer, e.Error));
        }
        catch (KafkaException e) // fatal, or nothing that a transaction knows a way on from
        {
            _log.ProducerReplaced(e.Error.Reason);
            Replace();
            Producer(); // the same transactional id: what was open is decided when it is there
            return isDeciding && HasHappened(commits[^1], commit) ? (Result.Committed, null) : (IsFenced(e.Error) ? Result.Fenced : Result.Aborted, e.Error);
        }
    }

    private void Delivered(DeliveryReport<byte[], byte[]> report)
    {
        if (report.Error.IsError)
        {
            _deliveryError = report.Error; // the transaction fails by itself; this says why
        }
    }

    private Error Abort(IProducer<byte[], byte[]> producer, Error why)
    {
        why = _deliveryError ?? why;
        try
        {
            Repeat(() => producer.AbortTransaction(CallTime));
        }
        catch (KafkaException e)
        {
            _log.ProducerReplaced(e.Error.Reason);
            Replace(); // the coordinator aborts what its next owner finds open
        }

        return why;
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
                _closing.Token.ThrowIfCancellationRequested();
            }
        }
    }

    private IProducer<byte[], byte[]> Producer()
    {
        while (_producer is null)
        {
            var producer = Clients.Producer(ClientSettings.Transactions(_options, _id), _log);
            try
            {
                Repeat(() => producer.InitTransactions(CallTime));
                _producer = producer;
            }
            catch (KafkaException e) when (!_closing.IsCancellationRequested)
            {
                producer.Dispose();
                _log.TransactionsWait(_member.Group.Name, e.Error.Reason);
                _closing.Token.WaitHandle.WaitOne(Rest);
            }
        }

        return _producer;
    }

    private void Replace()
    {
        _producer?.Dispose();
        _producer = null;
    }

    private bool HasHappened(PendingCommit last, byte[] commit)
    {
        var key = ProgressTopic.PositionKey(_member.Group.Name, last.Partition.Id);
        while (true)
        {
            try
            {
                var value = _member.Progress.FindAsync(key, _closing.Token).GetAwaiter().GetResult();
                return value is not null && Contracts.Progress.Parser.ParseFrom(value).Commit.Span.SequenceEqual(commit);
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                _closing.Token.ThrowIfCancellationRequested();
            }
        }
    }

    private static bool IsFenced(Error error) => error.Code is ErrorCode.IllegalGeneration or ErrorCode.UnknownMemberId or ErrorCode.FencedInstanceId or ErrorCode.RebalanceInProgress;

    private enum Result
    {
        Committed,
        Aborted,
        Fenced,
    }
}
