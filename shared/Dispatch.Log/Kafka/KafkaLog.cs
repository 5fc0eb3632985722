using System.Collections.Concurrent;
using System.Diagnostics;
using Confluent.Kafka;
using Dispatch.Log.Files;
using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Kafka;

/// <summary>
/// The log on Apache Kafka, for many machines. Appends go through one idempotent producer; a hop's end is a transaction with the group's position, which fences whoever was replaced;
/// readers see what was committed.
/// How it behaves when brokers do not answer: docs/architecture.md, "The log"; <see cref="Member"/>, <see cref="Transactions"/>, <see cref="Lease"/>.
/// </summary>
public sealed class KafkaLog : IEventLog
{
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RestOfTopics = TimeSpan.FromSeconds(5);

    private readonly KafkaOptions _options;
    private readonly IReadOnlyCollection<string> _topics;
    private readonly ILogger _log;
    private readonly Appends _appends;
    private readonly Scans _scans;
    private readonly Reach _reach;
    private readonly Task _opening;
    private readonly ConcurrentDictionary<(string Group, TopicPartition Partition), bool> _lost = new();
    private readonly ConcurrentDictionary<Member, Task> _runs = new();
    private readonly CancellationTokenSource _closing = new();
    private volatile Layout? _layout;
    private bool _isDisposed;

    private KafkaLog(KafkaOptions options, IReadOnlyCollection<string> topics, ILogger log)
    {
        (_options, _topics, _log) = (options, topics, log);
        _appends = new Appends(options, log);
        _scans = new Scans(options);
        _reach = new Reach(options);
        _opening = Task.Run(OpenAsync);
        Telemetry.Backlogs.TryAdd(this, Backlog);
    }

    /// <summary>As the configuration calls the cluster.</summary>
    public string Name => _options.Name;

    public string ClusterId => Layout.ClusterId;

    public string ClusterIdOf(int partition) => ClusterId;

    /// <summary>Empty: replicas repair what a disk damages.</summary>
    public IReadOnlyList<Damage> Damages => [];

    /// <summary>Why nothing can be appended or read yet; null: it can.</summary>
    public string? Fault { get; private set; } = "Kafka was not reached yet";

    /// <summary>Positions that groups had and have no more; nothing is read there until a person decides.</summary>
    public IEnumerable<(string Group, TopicPartition Partition)> LostPositions => _lost.Keys;

    /// <summary>Groups whose partitions here stand still, because nothing polls or the brokers do not confirm that they are still ours; for longer than a hand-over takes.</summary>
    public IEnumerable<(string Group, TimeSpan For)> InDoubt =>
        from member in _runs.Keys let of = member.InDoubtFor where of > _options.SettleTime + _options.SessionTimeout select (member.Group.Name, of);

    internal ProgressTopic Progress => Layout.Progress;

    private Layout Layout => _layout ?? throw new LogUnavailableException($"The log on Kafka at {_options.Brokers} is not open: {Fault}");

    /// <summary>
    /// Returns at once: whatever needs the brokers waits for them, or fails with <see cref="LogUnavailableException"/>. Topics that are missing or break a promise are refused, with the
    /// reason in the log and in <see cref="Fault"/>, and looked at again.
    /// </summary>
    public static KafkaLog Open(KafkaOptions options, IReadOnlyCollection<string> topics, ILogger log) => new(options, topics, log);

    public Task OpenedAsync(CancellationToken stop) => _opening.WaitAsync(stop);

    public int PartitionsOf(string topic) => Layout.Of(topic);

    /// <summary>
    /// Records that wait to be appended here are given up, because their copies go to another cluster: what has not left this process by now will not arrive later, as a second one.
    /// Their appends fail as <see cref="Persistence.PossiblyPersisted"/>.
    /// </summary>
    public void GiveUpAppends(string why) => _appends.GiveUp(why);

    /// <summary>Tries whether it takes and gives, with a record that means nothing in each partition of these topics. Never throws for what is wrong there.</summary>
    public async Task<PreflightResult> PreflightAsync(IReadOnlyCollection<string> topics, CancellationToken stop)
    {
        if (_layout is not { } layout || await UnreachableAsync(stop) is not null)
        {
            return new PreflightResult(Fault is { } fault ? $"it is not open: {fault}" : "no broker answers", 0, TimeSpan.Zero);
        }

        return await new Preflight(_options, _topics).RunAsync([.. topics.SelectMany(topic => Enumerable.Range(0, layout.Of(topic)).Select(number => new TopicPartition(topic, number)))], stop);
    }

    public async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        stop.ThrowIfCancellationRequested();
        if (records.Count == 0)
        {
            return;
        }

        if (_layout is null)
        {
            throw new AppendException($"The log on Kafka at {_options.Brokers} is not open: {Fault}", Persistence.NotPersisted);
        }

        Check(records);
        using var span = Telemetry.Source.HasListeners() ? Telemetry.Source.StartActivity($"send {records[0].Topic}", ActivityKind.Producer) : null;
        Telemetry.Describe(span, "send", new TopicPartition(records[0].Topic, -1), null, records.Count);
        var began = Stopwatch.GetTimestamp();
        await _appends.AppendAsync(records, Place);
        Telemetry.Measure(began, "send", records[0].Topic);
        Telemetry.CountSent(records);
    }

    public async Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        group.Check();
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, _closing.Token);
        await _opening.WaitAsync(ends.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ends.IsCancellationRequested)
        {
            return;
        }

        foreach (var topic in group.Topics)
        {
            Layout.Of(topic);
        }

        using var member = new Member(this, _options, group, work, _log);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _runs[member] = ended.Task;
        try
        {
            await new Declarations(_options, Layout, _log).DeclareAsync(group, ends.Token);
            await member.RunAsync(ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The way a run ends that has not begun.
        }
        finally
        {
            _runs.TryRemove(member, out _);
            ended.SetResult();
        }
    }

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => _scans.ScanAsync(Known(partition), since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => new(_scans.EndAsync(Known(partition), stop));

    public async ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default)
    {
        try
        {
            return await Progress.PositionsAsync(group, [.. partitions.Select(Known)], stop);
        }
        catch (KafkaException e)
        {
            throw new LogUnavailableException($"Kafka did not say where group {group} stands: {e.Error.Reason}", e);
        }
    }

    /// <summary>Ends all runs, waits for what they settle and for what is being appended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        Telemetry.Backlogs.TryRemove(this, out _);
        await _closing.CancelAsync();
        await _opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_runs.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _appends.DisposeAsync();
        _scans.Dispose();
        _reach.Dispose();
        _layout?.Progress.Dispose();
        _closing.Dispose();
    }

    /// <summary>Why nothing can be asked of the brokers just now; null: they answer. What is under way waits for them in any case.</summary>
    internal Task<string?> UnreachableAsync(CancellationToken stop) => _reach.FaultAsync(stop);

    internal Confluent.Kafka.TopicPartition Place(Record record) =>
        new(record.Topic, record.Partition ?? Partitioner.Of(record.Key.Span, Layout.Of(record.Topic)));

    /// <exception cref="KeyNotFoundException">No such topic or partition.</exception>
    /// <exception cref="ArgumentException">A record is too large.</exception>
    internal void Check(IReadOnlyList<Record> records)
    {
        foreach (var record in records)
        {
            Known(new TopicPartition(record.Topic, record.Partition ?? 0));
            RecordCodec.SizeOf(record); // the same limits as in files
        }
    }

    internal void PositionLost(string group, TopicPartition partition)
    {
        if (_lost.TryAdd((group, partition), true))
        {
            _log.PositionLost(group, partition.Topic, partition.Partition);
        }
    }

    /// <summary>Where a group stands in partitions that it was given (null: it has lost its position), and their ends. Waits for the brokers.</summary>
    internal async Task<Dictionary<TopicPartition, (Position? Position, long End)>> StartsAsync(Group group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop)
    {
        var all = group.Topics.SelectMany(topic => Enumerable.Range(0, Layout.Of(topic)).Select(n => new TopicPartition(topic, n))).ToList();
        while (true)
        {
            try
            {
                var positions = await Progress.PositionsAsync(group.Name, all, stop); // all of them: what one has lost shows beside the others
                var starts = new Dictionary<TopicPartition, (Position?, long)>();
                foreach (var partition in partitions)
                {
                    starts[partition] = (positions[partition], await _scans.EndAsync(partition, stop));
                }

                return starts;
            }
            catch (Exception e) when (e is KafkaException or LogUnavailableException)
            {
                _log.KafkaAwaited(group.Name, e.Message);
                await Task.Delay(Rest, stop);
            }
        }
    }

    private IEnumerable<(string Group, string Topic, long Waiting)> Backlog() => _runs.Keys.SelectMany(member => member.Backlog());

    private async Task OpenAsync()
    {
        for (string? told = null; ;)
        {
            TimeSpan rest;
            try
            {
                var layout = await Layout.ReadAsync(_options, _topics, CallTime, _closing.Token);
                _log.ClusterOpened(layout.ClusterId, _options.Brokers, layout.Partitions.Count, layout.Partitions.Values.Sum(), Library.VersionString);
                _appends.Connect();
                (_layout, Fault) = (layout, null);
                return;
            }
            catch (Exception e) when (e is KafkaException or LogUnavailableException)
            {
                (Fault, rest) = (e.Message, Rest);
            }
            catch (TopicsRefusedException e)
            {
                (Fault, rest) = (e.Message, RestOfTopics);
            }

            if (told != Fault)
            {
                told = Fault;
                _log.CannotOpen(_options.Brokers, Fault);
            }

            await Task.Delay(rest, _closing.Token);
        }
    }

    private TopicPartition Known(TopicPartition of) => (uint)of.Partition < (uint)Layout.Of(of.Topic) ? of
        : throw new KeyNotFoundException($"Topic '{of.Topic}' has {Layout.Of(of.Topic)} partitions; there is no number {of.Partition}.");
}
