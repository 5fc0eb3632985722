using System.Buffers.Binary;
using System.Globalization;

namespace Dispatch.Log.Files;

/// <summary>
/// Where everything stood after frame <see cref="Sequence"/>, so that start-up reads only what came later and old segments may go. Written at each change of segment
/// and at a clean end; the one before is kept, should the newest be damaged.
/// </summary>
/// <param name="Segment">The last segment that is counted in: later frames stand behind it.</param>
/// <param name="Ends">(topic, partition, next offset)</param>
/// <param name="Segments">The numbers of those that are counted in and still there: one that is missing at start was taken away.</param>
sealed record Checkpoint(
    long Sequence, long Segment, long LastAppendedAt, IReadOnlyList<(int Topic, int Partition, long Next)> Ends, IReadOnlyList<PositionEntry> Positions, IReadOnlyList<long> Segments)
{
    private const string Pattern = "*.checkpoint";
    private const int Fixed = 40;
    private const int PerEnd = 12;

    public static Checkpoint None { get; } = new(0, 0, 0, [], [], []);

    public void Save(string folder)
    {
        var positions = PositionCodec.Encode([.. Positions]);
        var bytes = new byte[Fixed + (Ends.Count * PerEnd) + (Segments.Count * sizeof(long)) + positions.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12), Segment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(20), LastAppendedAt);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(28), Ends.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(32), positions.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(36), Segments.Count);
        var at = Fixed;
        foreach (var (topic, partition, next) in Ends)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), (ushort)topic);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at + 2), (ushort)partition);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at + 4), next);
            at += PerEnd;
        }

        foreach (var number in Segments)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), number);
            at += sizeof(long);
        }

        positions.CopyTo(bytes.AsSpan(at));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Crc.Of(bytes.AsSpan(4)));
        var path = Path.Combine(folder, $"{Sequence.ToString("D18", CultureInfo.InvariantCulture)}{Pattern[1..]}");
        Disk.Replace(path, bytes);
        foreach (var old in Paths(folder).Skip(2))
        {
            File.Delete(old);
        }
    }

    /// <param name="damaged">Checkpoints that were there but are not what was written.</param>
    public static Checkpoint Load(string folder, out IReadOnlyList<string> damaged)
    {
        var bad = new List<string>();
        damaged = bad;
        foreach (var path in Paths(folder))
        {
            if (Read(File.ReadAllBytes(path)) is { } checkpoint)
            {
                return checkpoint;
            }

            bad.Add(path);
        }

        return None;
    }

    private static IEnumerable<string> Paths(string folder) => Directory.GetFiles(folder, Pattern).OrderDescending(StringComparer.Ordinal);

    private static Checkpoint? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Fixed || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc.Of(bytes[4..]))
        {
            return null;
        }

        var ends = new (int, int, long)[BinaryPrimitives.ReadInt32LittleEndian(bytes[28..])];
        for (var i = 0; i < ends.Length; i++)
        {
            var end = bytes[(Fixed + (i * PerEnd))..];
            ends[i] = (BinaryPrimitives.ReadUInt16LittleEndian(end), BinaryPrimitives.ReadUInt16LittleEndian(end[2..]), BinaryPrimitives.ReadInt64LittleEndian(end[4..]));
        }

        var at = Fixed + (ends.Length * PerEnd);
        var segments = new long[BinaryPrimitives.ReadInt32LittleEndian(bytes[36..])];
        for (var i = 0; i < segments.Length; i++, at += sizeof(long))
        {
            segments[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
        }

        return PositionCodec.Decode(bytes[at..]) is { } positions
            ? new Checkpoint(
                BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]), ends, positions, segments)
            : null;
    }
}
