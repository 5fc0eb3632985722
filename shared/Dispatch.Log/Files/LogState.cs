using System.Collections.Concurrent;

namespace Dispatch.Log.Files;

/// <summary>What the parts of an open log share. The committing thread writes it; everybody reads.</summary>
sealed class LogState(string folder, Manifest manifest, TimeSpan syncDelay, Watermark watermark, Damages damages)
{
    private long _sequence;

    public string Folder => folder;

    public TimeSpan SyncDelay => syncDelay;

    public Guid LogId { get; } = Guid.ParseExact(manifest.ClusterId, "N");

    public TopicTable Topics { get; } = new(manifest.Topics);

    public SegmentTable Segments { get; } = new();

    public Damages Damages => damages;

    public Watermark Watermark => watermark;

    /// <summary>By group and the partition's number among all.</summary>
    public ConcurrentDictionary<(string Group, int Partition), Position> Positions { get; } = new();

    /// <summary>Of the last frame that is on the disk.</summary>
    public long Sequence
    {
        get => Volatile.Read(ref _sequence);
        set => Volatile.Write(ref _sequence, value);
    }

    public long LastAppendedAt { get; set; }

    public long NextSegment { get; set; } = 1;

    /// <summary>Why records cannot be written now; null: they can, as far as anybody knows.</summary>
    public string? Fault { get; set; }

    public bool IsReserveInUse { get; set; }

    /// <summary>Best effort: a mark that was not written only lags.</summary>
    public void Mark(long sequence)
    {
        try
        {
            watermark.Write(sequence);
        }
        catch (IOException)
        {
            Telemetry.Failures.Add(1);
        }
    }

    /// <param name="segment">the last one that is counted in</param>
    public Checkpoint Snapshot(long segment) => new(
        Sequence, segment, LastAppendedAt,
        [.. Topics.All.Where(partition => partition.End > 0).Select(partition => (partition.TopicId, partition.Id.Partition, partition.End))],
        [.. Positions.Select(at => new PositionEntry(at.Key.Group, Topics.All[at.Key.Partition].TopicId, Topics.All[at.Key.Partition].Id.Partition, at.Value))],
        []);
}
