using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Microsoft.Extensions.Options;

namespace Dispatch.Ingest.Spooling;

/// <summary>There is no room for more of a topic; nothing was written.</summary>
sealed class SpoolFullException(string message) : Exception(message);

/// <summary>
/// What Ingest keeps while Kafka does not take it: a log in files with the topics that Ingest writes to, and the group `drain` that empties it. So everything that the log in files
/// promises holds here too: what was appended is on the disk, and survives a kill and a power cut.
/// </summary>
sealed class Spool : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> Topics = [.. Contracts.Topics.Classes.Select(Contracts.Topics.Requests), Contracts.Topics.Outcomes, Contracts.Topics.Events];

    public static Group Group { get; } = new("drain", Topics) { BatchSizeMax = 200, BatchBytesMax = 1024 * 1024 };

    /// <summary>As many as Kafka's topics usually have, by the same rule: a partition that is out holds up its own records alone.</summary>
    private const int Partitions = 8;

    private readonly SpoolOptions _options;
    private readonly TimeProvider _clock;
    private readonly FileLog _log;
    private readonly Dictionary<string, Backlog> _backlogs = Topics.ToDictionary(topic => topic, _ => new Backlog());

    private Spool(SpoolOptions options, FileLog log, TimeProvider clock) => (_options, _log, _clock) = (options, log, clock);

    public IEventLog Log => _log;

    public string Folder => _options.Folder;

    public string? Fault => _log.Fault;

    public long Records => _backlogs.Values.Sum(it => it.Records);

    public long Bytes => _backlogs.Values.Sum(it => it.Bytes);

    /// <exception cref="InvalidOperationException">Another process has the folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds something else.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "owned by the spool")]
    public static Spool Open(SpoolOptions options, ILogger log, TimeProvider clock) => new(options, FileLog.Open(
        new FileLogOptions { Folder = options.Folder, Partitions = Partitions, SegmentBytes = 16 * 1024 * 1024, ReserveBytes = 1024 * 1024, Retention = TimeSpan.Zero },
        Topics, log, clock), clock);

    /// <summary>Returns when all of it is on the disk.</summary>
    /// <exception cref="SpoolFullException">A limit is reached.</exception>
    /// <exception cref="AppendException">The disk refuses.</exception>
    public async ValueTask AppendAsync(IReadOnlyList<Record> records)
    {
        foreach (var topic in records.Select(record => record.Topic).Distinct())
        {
            Check(topic);
        }

        await _log.AppendAsync(records);
        foreach (var record in records)
        {
            _backlogs[record.Topic].Add(1, SizeOf(record.Key, record.Value));
        }
    }

    /// <summary>What an earlier process left here, counted, and shown to <paramref name="found"/>. Before anything is drained.</summary>
    public async Task RecallAsync(Action<string, Entry> found, CancellationToken stop)
    {
        foreach (var (partition, next, end) in await LeftAsync())
        {
            await foreach (var entry in _log.ScanAsync(partition, DateTimeOffset.UnixEpoch, stop))
            {
                if (entry.Offset >= next && entry.Offset < end)
                {
                    _backlogs[partition.Topic].Add(1, SizeOf(entry.Key, entry.Value));
                    found(partition.Topic, entry);
                }
            }
        }
    }

    /// <summary>How many records of a topic wait.</summary>
    public long Waiting(string topic) => _backlogs[topic].Records;

    /// <summary>How long the oldest of a topic has been waiting; zero: none is.</summary>
    public TimeSpan Age(string topic) => _backlogs[topic].Oldest is { } oldest ? _clock.GetUtcNow() - oldest : TimeSpan.Zero;

    /// <summary>These are the oldest of their partition, and being drained.</summary>
    public void Taken(TopicPartition partition, Batch batch) => _backlogs[partition.Topic].Take(partition.Partition, batch.Entries[0].AppendedAt);

    /// <summary>These are in Kafka, and the spool knows it.</summary>
    public void Drained(TopicPartition partition, Batch batch)
    {
        var backlog = _backlogs[partition.Topic];
        backlog.Add(-batch.Entries.Count, -batch.Entries.Sum(entry => SizeOf(entry.Key, entry.Value)));
        backlog.Take(partition.Partition, null);
    }

    public ValueTask DisposeAsync() => _log.DisposeAsync();

    private void Check(string topic)
    {
        var part = topic == Contracts.Topics.Requests(TrafficClass.Campaign) ? 0.6 : topic == Contracts.Topics.Requests(TrafficClass.Automation) ? 0.8 : 1;
        if (Bytes >= _options.BytesMax * part)
        {
            throw new SpoolFullException(string.Create(CultureInfo.InvariantCulture, $"{Bytes >> 20} MiB wait in the spool, which takes {topic} up to {(long)(_options.BytesMax * part) >> 20} MiB"));
        }

        if (Age(topic) >= _options.AgeMax * part)
        {
            throw new SpoolFullException(string.Create(CultureInfo.InvariantCulture, $"{topic} has been waiting in the spool for {Age(topic):d\\.hh\\:mm\\:ss}, which takes it up to {_options.AgeMax * part:d\\.hh\\:mm\\:ss}"));
        }
    }

    private async Task<List<(TopicPartition Partition, long Next, long End)>> LeftAsync()
    {
        var all = Topics.SelectMany(topic => Log.AllPartitionsOf(topic)).ToList();
        var positions = await _log.PositionsAsync(Group.Name, all);
        var left = new List<(TopicPartition, long, long)>();
        foreach (var partition in all)
        {
            var (next, end) = (positions[partition]?.Next ?? 0, await _log.EndAsync(partition));
            if (next < end)
            {
                left.Add((partition, next, end));
            }
        }

        return left;
    }

    private static long SizeOf(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) => key.Length + value.Length;

    /// <summary>What waits of one topic.</summary>
    private sealed class Backlog
    {
        private readonly DateTimeOffset?[] _oldest = new DateTimeOffset?[Partitions];
        private long _records;
        private long _bytes;

        public long Records => Interlocked.Read(ref _records);

        public long Bytes => Interlocked.Read(ref _bytes);

        public DateTimeOffset? Oldest
        {
            get
            {
                lock (_oldest)
                {
                    return _oldest.Min();
                }
            }
        }

        public void Add(long records, long bytes)
        {
            Interlocked.Add(ref _records, records);
            Interlocked.Add(ref _bytes, bytes);
        }

        public void Take(int partition, DateTimeOffset? oldest)
        {
            lock (_oldest)
            {
                _oldest[partition] = oldest;
            }
        }
    }
}
