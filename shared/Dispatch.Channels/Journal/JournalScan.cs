using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;

namespace Dispatch.Channels.Journal;

/// <summary>What the journal knows about a record that the log still holds open.</summary>
/// <param name="Attempts">Made so far.</param>
/// <param name="InDoubt">The last attempt began and has no outcome.</param>
/// <param name="Ending">Of the last outcome; meaningless where <paramref name="InDoubt"/>.</param>
/// <param name="NotBefore">For <see cref="Ending.Again"/>, Unix milliseconds.</param>
/// <param name="Reason">For <see cref="Ending.Hold"/> and <see cref="Ending.Quarantine"/>.</param>
sealed record Remembered(uint Attempts, bool InDoubt, Ending Ending, bool MayHaveLeft, long NotBefore, string Reason)
{
    /// <summary>Was in flight, and nothing else of it is known any more.</summary>
    public static readonly Remembered Lost = new(0, InDoubt: true, Ending.Again, MayHaveLeft: true, NotBefore: 0, "");
}

/// <summary>Bytes that are no frame.</summary>
/// <param name="Torn">Behind what was synced: the machine went down while they were written, nothing that was confirmed is missing. Else: damage.</param>
readonly record struct Fault(long Segment, long Offset, long Bytes, bool Torn);

/// <summary>Reads what a journal knows, at start and when a partition comes back. Every valid frame counts, on whichever side of a fault; every fault is reported.</summary>
static class JournalScan
{
    /// <param name="topics">What origins point into where a segment's own list cannot be read.</param>
    /// <param name="isOpen">Does the log still hold the record open? Only those are remembered.</param>
    /// <param name="kept">What was kept and is not settled, wherever the log stands.</param>
    public static Dictionary<TopicPartition, Dictionary<long, Remembered>> Read(
        IEnumerable<SegmentFile> segments, IReadOnlyList<string> topics, Func<TopicPartition, long, bool> isOpen, List<Fault> faults, Dictionary<(TopicPartition, long), Kept> kept)
    {
        var all = new Dictionary<TopicPartition, Dictionary<long, Remembered>>();
        foreach (var segment in segments)
        {
            var bytes = new byte[segment.Length];
            var read = Disk.Read(segment.File, bytes, 0);
            ReadSegment(segment, bytes.AsMemory(0, read), topics, isOpen, all, faults, kept);
        }

        return all;
    }

    private static void ReadSegment(
        SegmentFile segment, ReadOnlyMemory<byte> bytes, IReadOnlyList<string> topics, Func<TopicPartition, long, bool> isOpen,
        Dictionary<TopicPartition, Dictionary<long, Remembered>> all, List<Fault> faults, Dictionary<(TopicPartition, long), Kept> kept)
    {
        var gaps = new List<(long From, long To)>();
        var synced = 0L;
        var reader = new FrameReader(bytes.Span, segment.Number);
        while (reader.Read())
        {
            if (reader.Skipped > 0)
            {
                gaps.Add((reader.Start - reader.Skipped, reader.Start));
            }

            switch (reader.Kind)
            {
                case FrameKind.Head:
                    topics = SegmentHead.Read(reader.Payload) ?? topics;
                    break;
                case FrameKind.Synced when reader.Payload.Length == sizeof(long):
                    synced = Math.Max(synced, System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(reader.Payload));
                    break;
                case FrameKind.Intent when Intent.TryRead(reader.Payload, out var intent):
                    Remember(intent.Origin, before => new Remembered(intent.Attempt, InDoubt: true, Ending.Void, before?.MayHaveLeft ?? false, 0, ""));
                    break;
                case FrameKind.Outcome when JournaledOutcome.TryRead(bytes[(reader.End - reader.Payload.Length)..reader.End], out var outcome):
                    Remember(outcome.Origin, _ => new Remembered(
                        outcome.Attempts, InDoubt: false, outcome.Ending, outcome.MayHaveLeft, outcome.NotBefore,
                        outcome.Ending is Ending.Hold or Ending.Quarantine ? Outcome.Parser.ParseFrom(outcome.Value.Span).Reason : ""));
                    break;
                case FrameKind.Kept when KeptEntry.TryRead(bytes[(reader.End - reader.Payload.Length)..reader.End], out var entry):
                    Keep(entry);
                    break;
            }
        }

        if (reader.End < bytes.Length)
        {
            gaps.Add((reader.End, bytes.Length));
        }

        faults.AddRange(gaps.Select(gap => new Fault(segment.Number, gap.From, gap.To - gap.From, Torn: gap.From >= synced)));

        void Remember(Origin origin, Func<Remembered?, Remembered> next)
        {
            if (origin.Topic >= topics.Count)
            {
                return;
            }

            var partition = new TopicPartition(topics[origin.Topic], origin.Partition);
            segment.Mentions(partition, origin.Offset);
            if (kept.TryGetValue((partition, origin.Offset), out var ours))
            {
                Change(ours, next(ours.State));
                return;
            }

            if (isOpen(partition, origin.Offset))
            {
                var records = all.TryGetValue(partition, out var known) ? known : all[partition] = [];
                records[origin.Offset] = next(records.GetValueOrDefault(origin.Offset));
            }
        }

        void Keep(KeptEntry entry)
        {
            if (entry.Origin.Topic < topics.Count)
            {
                var partition = new TopicPartition(topics[entry.Origin.Topic], entry.Origin.Partition);
                var message = Message.Parser.ParseFrom(entry.Value.Span);
                var state = new Remembered(message.Attempts, InDoubt: true, Ending.Void, message.MayHaveLeft, NotBefore: 0, "");
                kept[(partition, entry.Origin.Offset)] = new Kept(segment.Number, partition, entry.Origin.Offset, message, entry.TraceParent.ToArray(), state);
                all.GetValueOrDefault(partition)?.Remove(entry.Origin.Offset);
            }
        }

        void Change(Kept known, Remembered state)
        {
            if (state is { InDoubt: false, Ending: Ending.Done })
            {
                kept.Remove((known.Partition, known.Offset));
            }
            else
            {
                kept[(known.Partition, known.Offset)] = known with { State = state };
            }
        }
    }
}
