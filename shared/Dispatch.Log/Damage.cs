namespace Dispatch.Log;

public enum DamageKind
{
    /// <summary>The last write before a crash was cut short. Nobody was told that it is durable; it was cut off and kept aside.</summary>
    TornTail,

    /// <summary>What was durable once is not what was written. Readers skip exactly these records; the bytes are kept aside.</summary>
    Damaged,

    /// <summary>What was durable once is gone.</summary>
    Missing,
}

/// <summary>A piece of the log that cannot be read as it was written. Promise: nothing is skipped without one of these.</summary>
/// <param name="File">Name of the file, without its folder.</param>
/// <param name="Partition">With the offsets: whose records are skipped; null: not known, the header itself is damaged, or it held no records.</param>
public sealed record Damage(DateTimeOffset FoundAt, DamageKind Kind, string File, long Position, long Bytes, string Detail)
{
    public TopicPartition? Partition { get; init; }

    public long FirstOffset { get; init; }

    /// <summary>The offset behind the last that is lost.</summary>
    public long EndOffset { get; init; }
}
