namespace Dispatch.Log.Files;

/// <summary>
/// Makes a frame of records and positions, on the caller's thread: the committing thread only adds what depends on its order.
/// Records of one partition come to stand together, in the order in which they were given.
/// </summary>
sealed class FrameBuilder(TopicTable topics)
{
    [ThreadStatic]
    private static Scratch? _scratch;

    /// <exception cref="KeyNotFoundException">A record names a topic or partition that there is not.</exception>
    /// <exception cref="ArgumentException">A record, or all together, are larger than allowed. Nothing was written.</exception>
    public Pending Build(FrameType type, IReadOnlyList<Record> records, IReadOnlyList<PositionEntry> positions)
    {
        var scratch = _scratch ??= new Scratch();
        var size = FrameHeader.Size + (long)scratch.Group(topics, records);
        var encoded = positions.Count == 0 ? [] : PositionCodec.Encode(positions as PositionEntry[] ?? [.. positions]);
        size += encoded.Length;
        if (size > FrameHeader.LengthMax)
        {
            throw new ArgumentException($"{records.Count} records of together {size} bytes; at most {FrameHeader.LengthMax} can be written at once: cut them into several.", nameof(records));
        }

        var pending = Pending.Rent();
        try
        {
            var frame = pending.Allocate((int)size);
            var at = scratch.Write(records, frame, pending);
            encoded.CopyTo(frame[at..]);
            (pending.Type, pending.Records, pending.Positions, pending.PositionBytes) = (type, records.Count, positions, encoded.Length);
            pending.IsUrgent = scratch.AreAllUrgent;
            return pending;
        }
        catch
        {
            pending.Recycle();
            throw;
        }
    }

    /// <summary>Linked lists of record numbers, one per partition, in arrays that are used again.</summary>
    private sealed class Scratch
    {
        private readonly List<PartitionState> _touched = [];
        private int[] _first = [];
        private int[] _last = [];
        private int[] _next = [];
        private int[] _sizes = [];

        public bool AreAllUrgent { get; private set; }

        /// <returns>The bytes that all runs need.</returns>
        public long Group(TopicTable topics, IReadOnlyList<Record> records)
        {
            Clear();
            if (_first.Length < topics.All.Length)
            {
                (_first, _last) = (new int[topics.All.Length], new int[topics.All.Length]);
                _first.AsSpan().Fill(-1);
            }

            if (_next.Length < records.Count)
            {
                (_next, _sizes) = (new int[records.Count * 2], new int[records.Count * 2]);
            }

            AreAllUrgent = true;
            for (var i = 0; i < records.Count; i++)
            {
                var record = records[i];
                var of = topics.Of(record.Topic);
                var number = record.Partition ?? Partitioner.Of(record.Key.Span, of.Length);
                var partition = (uint)number < (uint)of.Length ? of[number]
                    : throw new KeyNotFoundException($"Topic '{record.Topic}' has {of.Length} partitions; there is no number {number}.");
                _sizes[i] = RecordCodec.SizeOf(record);
                _next[i] = -1;
                if (_first[partition.Index] < 0)
                {
                    _first[partition.Index] = i;
                    _touched.Add(partition);
                    AreAllUrgent &= record.Topic == Contracts.Topics.Outcomes;
                }
                else
                {
                    _next[_last[partition.Index]] = i;
                }

                _last[partition.Index] = i;
            }

            return Measure();
        }

        public int Write(IReadOnlyList<Record> records, Span<byte> frame, Pending pending)
        {
            var at = FrameHeader.Size;
            foreach (var partition in _touched)
            {
                for (var i = _first[partition.Index]; i >= 0;)
                {
                    var header = at;
                    at += RunHeader.Size;
                    var count = 0;
                    do
                    {
                        at += RecordCodec.Write(records[i], frame[at..]);
                        count++;
                        i = _next[i];
                    }
                    while (i >= 0 && at - header + _sizes[i] <= RunHeader.BytesSoftMax);

                    var body = frame[(header + RunHeader.Size)..at];
                    pending.Runs.Add(new Pending.RunDraft(partition, header, count, body.Length, Crc.Of(body)));
                }
            }

            if (pending.Runs.Count > ushort.MaxValue)
            {
                throw new ArgumentException($"{records.Count} records make {pending.Runs.Count} runs; at most {ushort.MaxValue} can be written at once: cut them into several.", nameof(records));
            }

            return at;
        }

        private long Measure()
        {
            var bytes = 0L;
            foreach (var partition in _touched)
            {
                var run = 0;
                for (var i = _first[partition.Index]; i >= 0; i = _next[i])
                {
                    if (run == 0 || run + _sizes[i] > RunHeader.BytesSoftMax)
                    {
                        bytes += RunHeader.Size;
                        run = RunHeader.Size;
                    }

                    run += _sizes[i];
                    bytes += _sizes[i];
                }
            }

            return bytes;
        }

        /// <summary>Before use, not after: a build that threw leaves the scratch half full.</summary>
        private void Clear()
        {
            foreach (var partition in _touched)
            {
                _first[partition.Index] = -1;
            }

            _touched.Clear();
        }
    }
}
