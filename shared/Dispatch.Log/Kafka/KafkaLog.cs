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

    private readonly KafkaOptions _options;
    private readonly Layout _layout;
    private readonly ILogger _log;
    private readonly Appends _appends;
    private readonly Declarations _declarations;
    private readonly Scans _scans;
    private readonly ConcurrentDictionary<(string Group, TopicPartition Partition), bool> _lost = new();
    private readonly ConcurrentDictionary<Task, bool> _runs = new();
    private readonly CancellationTokenSource _closing = new();
    private bool _isDisposed;

    private KafkaLog(KafkaOptions options, Layout layout, ILogger log)
    {
        (_options, _layout, _log) = (options, layout, log);
        Progress = new ProgressTopic(options, layout.Of(ProgressTopic.Name));
        _appends = new Appends(options, log);
        _declarations = new Declarations(options, layout, Progress, log);
        _scans = new Scans(options);
    }

    public string ClusterId => _layout.ClusterId;

    /// <summary>Empty: replicas repair what a disk damages.</summary>
    public IReadOnlyList<Damage> Damages => [];

    /// <summary>Positions that groups had and have no more; nothing is read there until a person decides.</summary>
    public IEnumerable<(string Group, TopicPartition Partition)> LostPositions => _lost.Keys;

    internal ProgressTopic Progress { get; }

    /// <summary>Waits for the brokers, for as long as it takes.</summary>
    /// <exception cref="InvalidOperationException">Topics are missing; the message names them.</exception>
    public static async Task<KafkaLog> OpenAsync(KafkaOptions options, IReadOnlyCollection<string> topics, ILogger log, CancellationToken stop = default)
    {
        for (var told = false; ;)
        {
            try
            {
                var layout = await Layout.ReadAsync(options, topics, CallTime, stop);
                log.ClusterOpened(layout.ClusterId, options.Brokers, layout.Partitions.Count, layout.Partitions.Values.Sum(), Library.VersionString);
                return new KafkaLog(options, layout, log);
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                if (!told)
                {
                    log.BrokersAway(options.Brokers, e.Error.Reason);
                    told = true;
                }

                await Task.Delay(Rest, stop);
            }
        }
    }

    public int PartitionsOf(string topic) => _layout.Of(topic);

    public async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        stop.ThrowIfCancellationRequested();
        if (records.Count == 0)
        {
            return;
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
        var run = RunMemberAsync(group, work, ends.Token);
        _runs[run] = true;
        try
        {
            await run;
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The way a run ends that has not begun.
        }
        finally
        {
            _runs.TryRemove(run, out _);
        }
    }

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => _scans.ScanAsync(Known(partition), since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => new(_scans.EndAsync(Known(partition), stop));

    public async ValueTask<Position?> PositionAsync(string group, TopicPartition partition, CancellationToken stop = default)
    {
        try
        {
            return (await Progress.PositionsAsync(group, [Known(partition)], stop))[partition];
        }
        catch (KafkaException e)
        {
            throw new LogUnavailableException($"Kafka did not say where group {group} stands in {partition.Topic}/{partition.Partition}: {e.Error.Reason}", e);
        }
    }

    /// <summary>Ends all runs, waits for what they settle and for what is being appended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        await _closing.CancelAsync();
        await Task.WhenAll(_runs.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _appends.DisposeAsync();
        _scans.Dispose();
        _closing.Dispose();
    }

    internal Confluent.Kafka.TopicPartition Place(Record record) =>
        new(record.Topic, record.Partition ?? Partitioner.Of(record.Key.Span, _layout.Of(record.Topic)));

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
    internal async Task<Dictionary<TopicPartition, (Position? Position, long End)>> StartsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                var positions = await Progress.PositionsAsync(group, partitions, stop);
                var ends = new Dictionary<TopicPartition, (Position?, long)>();
                foreach (var (partition, position) in positions)
                {
                    ends[partition] = (position, await _scans.EndAsync(partition, stop));
                }

                return ends;
            }
            catch (Exception e) when (e is KafkaException or LogUnavailableException)
            {
                _log.FetchFailed(group, e.Message);
                await Task.Delay(Rest, stop);
            }
        }
    }

    private async Task RunMemberAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop)
    {
        foreach (var topic in group.Topics)
        {
            _layout.Of(topic);
        }

        await _declarations.DeclareAsync(group, stop);
        using var member = new Member(this, _options, group, work, _log);
        await member.RunAsync(stop);
    }

    private TopicPartition Known(TopicPartition of) => (uint)of.Partition < (uint)_layout.Of(of.Topic) ? of
        : throw new KeyNotFoundException($"Topic '{of.Topic}' has {_layout.Of(of.Topic)} partitions; there is no number {of.Partition}.");
}
