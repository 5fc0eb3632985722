using Dispatch.Log.Files;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Journal;

/// <summary>Reads durable outcomes in the order in which they were noted, from any place on. What it gives lies in memory that the next read uses again.</summary>
sealed class JournalReader(JournalFile journal, ILogger log)
{
    private const int ChunkBytes = 512 * 1024;
    private byte[]? _memory;

    /// <summary>What was read last may still be in use: the next read takes other memory.</summary>
    public void Forget() => _memory = null;

    /// <returns>Outcomes that have something to ship, and the place behind them. None, and the same place: there is nothing yet.</returns>
    public (List<JournaledOutcome> Outcomes, JournalPosition Next) Read(JournalPosition position)
    {
        var outcomes = new List<JournaledOutcome>();
        while (outcomes.Count == 0 && journal.Readable(position.Segment) is { } readable)
        {
            var (segment, end, isComplete) = readable;
            if (segment.Number != position.Segment)
            {
                position = new JournalPosition(segment.Number, 0);
            }

            if (position.Offset >= end)
            {
                if (!isComplete)
                {
                    break;
                }

                position = new JournalPosition(segment.Number + 1, 0);
                continue;
            }

            position = position with { Offset = position.Offset + ReadChunk(segment, position.Offset, end, outcomes) };
        }

        return (outcomes, position);
    }

    /// <returns>The bytes that were read for good, at least one.</returns>
    private long ReadChunk(SegmentFile segment, long offset, long end, List<JournaledOutcome> outcomes)
    {
        for (var size = (int)Math.Min(ChunkBytes, end - offset); ; size = (int)Math.Min(size + Frames.BodyBytesMax, end - offset))
        {
            if (_memory is null || _memory.Length < size)
            {
                _memory = new byte[Math.Max(size, ChunkBytes)];
            }

            var chunk = _memory.AsMemory(0, size);
            var read = Disk.Read(segment.File, chunk.Span, offset);
            var reader = new FrameReader(chunk.Span[..read], segment.Number);
            while (reader.Read())
            {
                if (reader.Skipped > 0)
                {
                    log.JournalDamaged(reader.Skipped, segment.Number, offset + reader.Start - reader.Skipped);
                }

                if (reader.Kind == FrameKind.Outcome && JournaledOutcome.TryRead(chunk[(reader.End - reader.Payload.Length)..reader.End], out var outcome)
                    && outcome.Value.Length > 0)
                {
                    outcomes.Add(outcome);
                }
            }

            if (offset + size >= end || read < size)
            {
                if (reader.End < read)
                {
                    log.JournalDamaged(read - reader.End, segment.Number, offset + reader.End);
                }

                return end - offset;
            }

            if (reader.End > 0)
            {
                return reader.End;
            }
        }
    }
}
