using System.Collections.Concurrent;
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
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Member _member;
    private readonly ILogger _log;
    private readonly BlockingCollection<PendingCommit> _waiting = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly TransactionalProducer _producer;
    private readonly Seal _seal;
    private readonly Thread _thread;
    private Transaction? _acknowledged; // the last that was
    private bool _isUndone;

    public Transactions(KafkaOptions options, Member member, string id, ILogger log)
    {
        (_member, _log) = (member, log);
        _producer = new TransactionalProducer(options, id, member.Group.Name, log, _closing.Token);
        _seal = new Seal(options, member, _producer, log);
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
        _producer.Dispose();
        _waiting.Dispose();
        _closing.Dispose();
    }

    private void Run()
    {
        while (!_waiting.IsCompleted)
        {
            List<PendingCommit> commits = [];
            var rest = Quiet;
            for (var records = 0; records < RecordsMax && _waiting.TryTake(out var next, rest); records += next.Outputs.Count)
            {
                commits.Add(next);
                rest = TimeSpan.Zero;
            }

            try
            {
                Settle();
                Commit(commits);
                Settle();
            }
            catch (Exception e) when (e is KafkaException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                commits.ForEach(commit => commit.Fail(new AppendException($"The transaction could not be finished: {e.Message}", Persistence.PossiblyPersisted, e)));
            }
        }
    }

    /// <summary>After an outage: makes sure that what was acknowledged before it can be read, or that whoever relies on it starts again.</summary>
    private void Settle()
    {
        if (_producer.IsTroubled && _acknowledged is not null && !_isUndone && !_seal.Put(_acknowledged, isAcknowledged: true))
        {
            _isUndone = true; // and so nothing behind it may be committed
            _log.Undone(_member.Group.Name);
            _member.Fail(new LogUnavailableException($"The brokers have lost a position of group {_member.Group.Name} that they had acknowledged: its work begins again where it stood before."));
        }
    }

    private void Commit(List<PendingCommit> commits)
    {
        while (true)
        {
            var lost = commits.FindAll(commit => _isUndone || !commit.Partition.IsAssigned);
            lost.ForEach(commit => commit.LoseLease());
            commits.RemoveAll(lost.Contains);
            if (commits.Count == 0)
            {
                return;
            }

            var transaction = new Transaction(_member, commits);
            switch (Try(transaction))
            {
                case (Result.Committed, _):
                    Settle(); // what went before, while it is known
                    _acknowledged = transaction;
                    commits.ForEach(commit => commit.Succeed());
                    return;
                case (Result.Aborted, var why):
                    Settle();
                    commits.ForEach(commit => commit.Fail(new AppendException($"The transaction was aborted: {why!.Reason} ({why.Code}).", Persistence.NotPersisted, new KafkaException(why))));
                    return;
                case (Result.Fenced, var why): // the group has moved on: with this member, or without it
                    _log.CommitFenced(_member.Group.Name, why!.Reason);
                    Settle();
                    _producer.Rest();
                    break;
            }
        }
    }

    private (Result Result, Error? Why) Try(Transaction transaction)
    {
        var isDeciding = false;
        try
        {
            _producer.Begin();
            foreach (var partition in transaction.Partitions)
            {
                foreach (var record in transaction.RecordsOf(partition))
                {
                    _producer.Produce(partition, record, transaction.Delivered);
                }
            }

            _producer.SendOffsets(transaction.Offsets, () => _member.GroupMetadata);
            isDeciding = true;
            _producer.Commit();
            return (Result.Committed, null);
        }
        catch (KafkaTxnRequiresAbortException e)
        {
            return (TransactionalProducer.IsFenced(e.Error) ? Result.Fenced : Result.Aborted, Abort(e.Error));
        }
        catch (ProduceException<byte[], byte[]> e) when (!e.Error.IsFatal)
        {
            return (Result.Aborted, Abort(e.Error));
        }
        catch (KafkaException e) // fatal, or nothing that a transaction knows a way on from
        {
            _producer.Replace(e.Error.Reason);
            return isDeciding && HasHappened(transaction) ? (Result.Committed, null) : (TransactionalProducer.IsFenced(e.Error) ? Result.Fenced : Result.Aborted, e.Error);
        }
    }

    private Error Abort(Error why)
    {
        why = _producer.DeliveryError ?? why;
        _producer.Abort();
        return why;
    }

    private bool HasHappened(Transaction transaction)
    {
        if (!_seal.Put(transaction, isAcknowledged: false)) // else `progress` might never say
        {
            return false;
        }

        while (true)
        {
            try
            {
                var value = _member.Progress.FindAsync(transaction.ProgressKey, _closing.Token).GetAwaiter().GetResult();
                return value is not null && Contracts.Progress.Parser.ParseFrom(value).Commit.Span.SequenceEqual(transaction.Id);
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                _closing.Token.ThrowIfCancellationRequested();
            }
        }
    }

    private enum Result
    {
        Committed,
        Aborted,
        Fenced,
    }
}
