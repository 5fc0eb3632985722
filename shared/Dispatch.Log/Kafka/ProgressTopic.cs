using System.Collections.Immutable;
using System.Text;
using Confluent.Kafka;
using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Log.Kafka;

/// <summary>
/// The compacted topic `progress`: where groups stand, with what is done above it (offsets of Kafka's own groups have no room for that), which groups were declared, and the log's
/// identity. Each commit writes it in the transaction that moves the group's offset. The offset is the authority, so that a person can set it; but Kafka forgets the offsets of a group that
/// nobody was in for a week, and then this is.
/// </summary>
sealed class ProgressTopic(KafkaOptions options, int partitions) : IDisposable
{
    public const string Name = "progress";
    public const int PartitionsMade = 4; // and never more: a key would be looked for where it is not
    public const string IdentityKey = "identity";

    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Watermarks _uncommitted = new(ClientSettings.Uncommitted(options));

    public static string GroupKey(string group) => $"group/{group}";

    public static string PositionKey(string group, TopicPartition of) => $"{group}/{of.Topic}/{of.Partition}";

    public static Progress Of(Position position, ReadOnlySpan<byte> commit)
    {
        var progress = new Progress { Next = position.Next, Commit = ByteString.CopyFrom(commit) };
        var last = position.Next;
        foreach (var mark in position.Above)
        {
            progress.Above.Add(((ulong)(mark.Offset - last) << 1) | (mark.Kind == MarkKind.Kept ? 1u : 0u));
            last = mark.Offset;
        }

        return progress;
    }

    /// <param name="next">Where the group stands by its offset. Marks may be from an earlier commit, and what was done then is done still.</param>
    public static Position PositionOf(long next, Progress? progress)
    {
        if (progress is null)
        {
            return new Position(next);
        }

        var marks = ImmutableArray.CreateBuilder<Mark>();
        var last = progress.Next;
        foreach (var mark in progress.Above)
        {
            last += (long)(mark >> 1);
            if (last >= next)
            {
                marks.Add(new Mark(last, (mark & 1) != 0 ? MarkKind.Kept : MarkKind.Done));
            }
        }

        return new Position(next, marks.ToImmutable());
    }

    public Confluent.Kafka.TopicPartition PartitionOf(string key) => new(Name, Partitioner.Of(Encoding.UTF8.GetBytes(key), partitions));

    public static Message<byte[], byte[]> Message(string key, IMessage value) => new() { Key = Encoding.UTF8.GetBytes(key), Value = value.ToByteArray() };

    public void Write(IProducer<byte[], byte[]> producer, string key, IMessage value) => producer.Produce(PartitionOf(key), Message(key, value));

    /// <summary>The groups that are known, with their topics.</summary>
    public Task<List<(string Group, IReadOnlyList<string> Topics)>> GroupsAsync(CancellationToken stop) => OnOwnThreadAsync(() =>
    {
        const string prefix = "group/";
        using var reader = Open("dispatch.none");
        return Latest(reader, Enumerable.Range(0, partitions).Select(n => new Confluent.Kafka.TopicPartition(Name, n)), key => key.StartsWith(prefix, StringComparison.Ordinal), stop)
            .Select(it => (it.Key[prefix.Length..], (IReadOnlyList<string>)DeclaredGroup.Parser.ParseFrom(it.Value).Topics)).ToList();
    }, stop);

    public Task<byte[]?> FindAsync(string key, CancellationToken stop) => OnOwnThreadAsync(() =>
    {
        using var reader = Open("dispatch.none");
        return Latest(reader, [key], stop).GetValueOrDefault(key);
    }, stop);

    /// <summary>Where a group stands in each of the partitions; null: it never committed there.</summary>
    /// <exception cref="KafkaException">The brokers did not answer in time.</exception>
    public Task<Dictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> of, CancellationToken stop) => OnOwnThreadAsync(() =>
    {
        using var reader = Open(group);
        var offsets = Patiently(() => reader.Committed(of.Select(it => new Confluent.Kafka.TopicPartition(it.Topic, it.Partition)), CallTime), stop);
        var progress = Latest(reader, [.. of.Select(it => PositionKey(group, it))], stop);
        var hasOffsets = offsets.Exists(at => at.Offset.Value >= 0); // then one that has none lost it: its topic was made anew
        return offsets.ToDictionary(at => new TopicPartition(at.Topic, at.Partition), at =>
        {
            var known = progress.TryGetValue(PositionKey(group, new TopicPartition(at.Topic, at.Partition)), out var value) ? Progress.Parser.ParseFrom(value) : null;
            return at.Offset.Value >= 0 ? PositionOf(at.Offset, known) : known is null || hasOffsets ? null : PositionOf(known.Next, known);
        });
    }, stop);

    public void Dispose() => _uncommitted.Dispose();

    private static Task<T> OnOwnThreadAsync<T>(Func<T> read, CancellationToken stop) =>
        Task.Factory.StartNew(read, stop, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    /// <summary>Waits for what passes by itself: a transaction that is about to be decided, a leader or coordinator that has just moved.</summary>
    private static T Patiently<T>(Func<T> ask, CancellationToken stop)
    {
        for (var until = BootClock.Milliseconds + (long)Patience.TotalMilliseconds; ; stop.ThrowIfCancellationRequested())
        {
            try
            {
                return ask();
            }
            catch (KafkaException e) when (!e.Error.IsFatal && BootClock.Milliseconds < until)
            {
                stop.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(50));
            }
        }
    }

    private IConsumer<byte[], byte[]> Open(string group) => Clients.Consumer(ClientSettings.Reader(options, group)).Build();

    /// <summary>The last value of each key, up to the end as it is now, counting what is not decided yet.</summary>
    private Dictionary<string, byte[]> Latest(IConsumer<byte[], byte[]> reader, IReadOnlyCollection<string> keys, CancellationToken stop)
    {
        var wanted = keys.ToHashSet(StringComparer.Ordinal);
        return Latest(reader, wanted.Select(PartitionOf).Distinct(), wanted.Contains, stop);
    }

    private Dictionary<string, byte[]> Latest(IConsumer<byte[], byte[]> reader, IEnumerable<Confluent.Kafka.TopicPartition> of, Func<string, bool> isWanted, CancellationToken stop)
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var ends = Ends(of, stop);
        reader.Assign(ends.Keys.Select(it => new TopicPartitionOffset(it, Offset.Beginning)));
        var until = BootClock.Milliseconds + (long)Patience.TotalMilliseconds;
        while (ends.Count > 0)
        {
            stop.ThrowIfCancellationRequested();
            if (BootClock.Milliseconds > until)
            {
                throw new KafkaException(new Error(ErrorCode.Local_TimedOut, $"Topic '{Name}' could not be read to its end in {Patience}."));
            }

            if (reader.Consume(100) is not { } result)
            {
                continue;
            }

            if (!result.IsPartitionEOF && result.Message is { Key: { } key, Value: { } value } && Encoding.UTF8.GetString(key) is var text && isWanted(text))
            {
                found[text] = value;
            }

            var next = result.IsPartitionEOF ? result.Offset.Value : result.Offset.Value + 1;
            if (ends.TryGetValue(result.TopicPartition, out var end) && next >= end)
            {
                ends.Remove(result.TopicPartition);
            }
        }

        reader.Unassign();
        return found;
    }

    private Dictionary<Confluent.Kafka.TopicPartition, long> Ends(IEnumerable<Confluent.Kafka.TopicPartition> of, CancellationToken stop) =>
        of.Select(it => (Partition: it, Marks: Patiently(() => _uncommitted.Of(it), stop))).Where(it => it.Marks.High.Value > it.Marks.Low.Value)
            .ToDictionary(it => it.Partition, it => it.Marks.High.Value);
}
