using System.Collections.Concurrent;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// One call of <see cref="IEventLog.RunAsync"/>: a member of a Kafka group, and the thread that polls for it. Only that thread touches fetching; work runs beside it.
/// Promise: a partition is given back when its work has settled, or the time for that is over; from then on nothing of it is sent or written here.
/// </summary>
sealed class Member : IDisposable
{
    private const int DrainMax = 1_000;
    private static readonly TimeSpan PollTime = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    private readonly KafkaLog _events;
    private readonly KafkaOptions _options;
    private readonly Func<IPartition, CancellationToken, Task> _work;
    private readonly ILogger _log;
    private readonly IConsumer<byte[], byte[]> _consumer;
    private readonly ConcurrentDictionary<TopicPartition, MemberPartition> _assigned = new(); // changed by the loop's thread alone
    private readonly Dictionary<TopicPartition, Task> _predecessors = [];
    private readonly HashSet<Confluent.Kafka.TopicPartition> _paused = [];
    private readonly Dictionary<Confluent.Kafka.TopicPartition, long> _highs = [];
    private readonly ConcurrentDictionary<string, Lazy<Transactions>> _transactions = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _name = Guid.NewGuid().ToString("N")[..8];

    public Member(KafkaLog events, KafkaOptions options, Group group, Func<IPartition, CancellationToken, Task> work, ILogger log)
    {
        (_events, _options, Group, _work, _log) = (events, options, group, work, log);
        _consumer = Clients.Consumer(ClientSettings.Member(options, group), log)
            .SetPartitionsAssignedHandler((_, partitions) => Assigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => Revoked([.. partitions.Select(at => at.TopicPartition)]))
            .SetPartitionsLostHandler((_, partitions) => Lost([.. partitions.Select(at => at.TopicPartition)]))
            .Build();
    }

    public Group Group { get; }

    public Lease Lease { get; private set; } = null!; // from the loop's first moment on: nothing is assigned before

    public ProgressTopic Progress => _events.Progress;

    public IConsumerGroupMetadata GroupMetadata => _consumer.ConsumerGroupMetadata;

    public Confluent.Kafka.TopicPartition Place(Record record) => _events.Place(record);

    public void Check(IReadOnlyList<Record> records) => _events.Check(records);

    public void Transact(PendingCommit commit) => _transactions.GetOrAdd(
        ClassOf(commit.Partition.Id.Topic), of => new(() => new Transactions(_options, this, $"dispatch.{Group.Name}.{of}.{_name}", _log))).Value.Add(commit); // lazy: one thread and one id, though several ask at once

    /// <summary>What each topic's assigned partitions have before their positions.</summary>
    public IEnumerable<(string Group, string Topic, long Waiting)> Backlog() =>
        _assigned.Values.Where(partition => partition.HasBegun).GroupBy(partition => partition.Id.Topic, partition => partition.Waiting).Select(of => (Group.Name, of.Key, of.Sum()));

    /// <summary>How long it has owned partitions that it may not act for; zero: it may, or owns none.</summary>
    public TimeSpan InDoubtFor => _assigned.IsEmpty ? TimeSpan.Zero : Lease.InDoubtFor;

    public void Fail(Exception why) => _failed.TrySetException(why);

    public void PositionLost(TopicPartition of) => _events.PositionLost(Group.Name, of);

    /// <summary>Until it is told to stop, or work throws; the exception follows when all has settled.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        using (stop.Register(_ending.Cancel))
        {
            await Task.WhenAny(loop, _failed.Task);
            await _ending.CancelAsync();
            await loop;
        }

        if (_failed.Task.IsFaulted)
        {
            await _failed.Task;
        }
    }

    public void Dispose()
    {
        _consumer.Dispose();
        _ending.Dispose();
    }

    /// <summary>The urgent has transactions of its own: a campaign's cannot hold it up.</summary>
    private static string ClassOf(string topic) => topic.Split('.').FirstOrDefault(word => Contracts.Topics.Classes.Any(of => Contracts.Topics.Name(of) == word)) ?? "all";

    private static TopicPartition Ours(Confluent.Kafka.TopicPartition of) => new(of.Topic, of.Partition);

    private static string Names(IEnumerable<Confluent.Kafka.TopicPartition> partitions) =>
        string.Join(' ', partitions.GroupBy(of => of.Topic).Select(of => $"{of.Key}/{string.Join(',', of.Select(it => it.Partition.Value).Order())}"));

    private void Loop()
    {
        Lease = new Lease(_options.SessionTimeout, () => BootClock.Milliseconds);
        _consumer.Subscribe(Group.Topics);
        while (!_ending.IsCancellationRequested)
        {
            try
            {
                Steer();
                Drain();
            }
            catch (ConsumeException e) when (e.Error.Code == ErrorCode.Local_AutoOffsetReset && e.ConsumerRecord is { } at && _assigned.ContainsKey(Ours(at.TopicPartition)))
            {
                PositionLost(Ours(at.TopicPartition));
            }
            catch (KafkaException e) when (e.Error.IsFatal)
            {
                Fail(e); // whoever runs this joins again, with a client that works
                break;
            }
            catch (KafkaException e)
            {
                _log.KafkaAwaited(Group.Name, e.Error.Reason);
                _ending.Token.WaitHandle.WaitOne(Rest);
            }

            Stamp();
        }

        Settle([.. _assigned.Values]);
        Parallel.ForEach(_transactions.Values, transactions => transactions.Value.Dispose()); // each may wait for brokers
        _consumer.Close();
    }

    private void Drain()
    {
        _highs.Clear();
        var result = _consumer.Consume(PollTime);
        for (var n = 0; result is not null && n < DrainMax; n++)
        {
            if (_assigned.TryGetValue(Ours(result.TopicPartition), out var partition))
            {
                partition.Fetch.Offer(result, High(result.TopicPartition));
            }

            result = n + 1 < DrainMax ? _consumer.Consume(TimeSpan.Zero) : null;
        }
    }

    private long High(Confluent.Kafka.TopicPartition of)
    {
        if (!_highs.TryGetValue(of, out var high))
        {
            high = _highs[of] = Math.Max(0, _consumer.GetWatermarkOffsets(of).High.Value);
        }

        return high;
    }

    /// <summary>Goes where readers want to read, pauses what nobody reads or what is not taken fast enough.</summary>
    private void Steer()
    {
        foreach (var partition in _assigned.Values)
        {
            var of = new Confluent.Kafka.TopicPartition(partition.Id.Topic, partition.Id.Partition);
            if (partition.Fetch.SeekTo is { } to && TrySeek(of, to))
            {
                partition.Fetch.Sought(to);
            }

            if (partition.Fetch.WantsMore)
            {
                if (partition.Fetch.SeekTo is null && _paused.Remove(of))
                {
                    _consumer.Resume([of]);
                }
            }
            else if (_paused.Add(of))
            {
                _consumer.Pause([of]);
            }
        }
    }

    private bool TrySeek(Confluent.Kafka.TopicPartition of, long to)
    {
        try
        {
            _consumer.Seek(new TopicPartitionOffset(of, to));
            return true;
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_State or ErrorCode.Local_InProgress or ErrorCode.Local_Outdated or ErrorCode.Local_TimedOut or ErrorCode.Local_UnknownPartition)
        {
            return false; // just assigned: in the next round
        }
    }

    private void Stamp()
    {
        if (Lease.Stamp() is var doubt and not 0)
        {
            _log.LeaseInDoubt(Group.Name);
            _ = ConfirmAsync(doubt, [.. _assigned.Values]);
        }
    }

    private async Task ConfirmAsync(int doubt, MemberPartition[] owned)
    {
        while (!_ending.IsCancellationRequested && Array.Exists(owned, partition => partition.IsAssigned))
        {
            if (Array.Find(owned, partition => partition.IsAssigned && partition.HasBegun) is { } partition)
            {
                try
                {
                    await partition.ConfirmAsync();
                    break;
                }
                catch (Exception e) when (e is LogUnavailableException or LeaseLostException)
                {
                    _log.KafkaAwaited(Group.Name, e.Message);
                }
            }

            await Task.Delay(Rest, CancellationToken.None);
        }

        Lease.Confirm(doubt);
    }

    private IEnumerable<TopicPartitionOffset> Assigned(List<Confluent.Kafka.TopicPartition> partitions)
    {
        _log.PartitionsAssigned(Group.Name, partitions.Count, Names(partitions));
        var starts = _events.StartsAsync(Group, [.. partitions.Select(Ours)], _ending.Token);
        foreach (var id in partitions.Select(Ours))
        {
            var partition = _assigned[id] = new MemberPartition(this, id, _predecessors.GetValueOrDefault(id, Task.CompletedTask));
            partition.Begin(StartAsync(partition), _work);
        }

        return partitions.Select(of => new TopicPartitionOffset(of, Offset.End)); // paused at once; the reader says where to go

        async Task<Position?> StartAsync(MemberPartition partition)
        {
            var (position, end) = (await starts)[partition.Id];
            partition.Fetch.EndIs(end);
            return position;
        }
    }

    private void Revoked(List<Confluent.Kafka.TopicPartition> partitions)
    {
        _log.PartitionsRevoked(Group.Name, partitions.Count, Names(partitions));
        Settle([.. partitions.Select(Ours).Where(_assigned.ContainsKey).Select(id => _assigned[id])]);
        _paused.ExceptWith(partitions);
    }

    private void Lost(List<Confluent.Kafka.TopicPartition> partitions)
    {
        _log.PartitionsLost(Group.Name, partitions.Count, Names(partitions));
        foreach (var id in partitions.Select(Ours))
        {
            if (_assigned.TryRemove(id, out var partition))
            {
                Release(partition);
            }
        }

        _paused.ExceptWith(partitions);
    }

    /// <summary>Heartbeats go on meanwhile, so the lease is stamped; but only for half a session, since nothing is heard here if the group gives up on us.</summary>
    private void Settle(IReadOnlyCollection<MemberPartition> partitions)
    {
        var all = Task.WhenAll(partitions.Select(partition => partition.RevokeAsync()));
        var began = BootClock.Milliseconds;
        for (var waited = 0L; !all.Wait(PollTime) && waited < _options.SettleTime.TotalMilliseconds; waited = BootClock.Milliseconds - began)
        {
            if (waited < _options.SessionTimeout.TotalMilliseconds / 2)
            {
                Stamp();
            }
        }

        foreach (var partition in partitions)
        {
            if (!partition.Work.IsCompleted)
            {
                _log.NotSettled(Group.Name, partition.Id.Topic, partition.Id.Partition);
            }

            _assigned.TryRemove(partition.Id, out _);
            Release(partition);
        }
    }

    private void Release(MemberPartition partition)
    {
        partition.EndLease();
        _predecessors[partition.Id] = partition.Work.ContinueWith(_ => partition.Dispose(), TaskScheduler.Default);
    }
}
