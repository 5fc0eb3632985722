namespace Dispatch.Log.Files;

/// <summary>The index of a segment that is being written. One thread adds, after the sync; any number reads at the same time, without a lock.</summary>
sealed class MemoryIndex(int partitions) : IRunIndex
{
    private readonly RunList?[] _lists = new RunList?[partitions];

    public void Add(int partition, long first, int count, uint position, uint bytes, uint seconds)
    {
        var list = _lists[partition];
        if (list is null)
        {
            list = new RunList(first);
            list.Add(new Run(0, position, bytes, seconds), first + count);
            Volatile.Write(ref _lists[partition], list);
            return;
        }

        list.Add(new Run((uint)(first - list.First), position, bytes, seconds), first + count);
    }

    public bool TryRange(int partition, out long first, out long end)
    {
        var list = Volatile.Read(ref _lists[partition]);
        (first, end) = list is null ? (0, 0) : (list.First, list.End);
        return list is not null;
    }

    public int Count(int partition) => Volatile.Read(ref _lists[partition])?.Count ?? 0;

    public int Copy(int partition, int from, Span<Run> into) => Volatile.Read(ref _lists[partition])?.Copy(from, into) ?? 0;

    /// <summary>Chunks are never moved once they are there, so that a reader needs only a count that was published after them.</summary>
    private sealed class RunList(long first)
    {
        private const int Chunk = 256;
        private Run[][] _chunks = [];
        private int _count;
        private long _end;

        public long First => first;

        public long End => Volatile.Read(ref _end);

        public int Count => Volatile.Read(ref _count);

        public void Add(Run run, long end)
        {
            var (chunk, at) = (_count / Chunk, _count % Chunk);
            if (chunk == _chunks.Length)
            {
                var grown = new Run[Math.Max(4, chunk * 2)][];
                _chunks.CopyTo(grown, 0);
                Volatile.Write(ref _chunks, grown);
            }

            (_chunks[chunk] ??= new Run[Chunk])[at] = run;
            Volatile.Write(ref _count, _count + 1);
            Volatile.Write(ref _end, end);
        }

        public int Copy(int from, Span<Run> into)
        {
            var count = Math.Max(0, Math.Min(into.Length, Count - from));
            var chunks = Volatile.Read(ref _chunks);
            for (var done = 0; done < count;)
            {
                var (chunk, at) = ((from + done) / Chunk, (from + done) % Chunk);
                var some = Math.Min(count - done, Chunk - at);
                chunks[chunk].AsSpan(at, some).CopyTo(into[done..]);
                done += some;
            }

            return count;
        }
    }
}
