using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Channels.Tests.Journal;

public class FrameTests
{
    private const long Segment = 7;

    [Fact]
    public void An_intent_reads_back_as_it_was_written() => Prop.ForAll<byte, int, long>((topic, partition, offset) =>
    {
        var intent = new Intent(new Origin(topic, partition, offset), new Id((UInt128)(ulong)offset * 31), (uint)partition);
        var bytes = new byte[Intent.Size];
        intent.Write(bytes);
        return Intent.TryRead(bytes, out var back) && back == intent;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_outcome_reads_back_as_it_was_written() => Prop.ForAll<long, byte[], byte[]>((offset, key, value) =>
    {
        var outcome = Journals.Outcome(offset, Ending.Again, 3, mayHaveLeft: true) with
        {
            Key = key.Take(255).ToArray(), TraceParent = key.Take(55).ToArray(), Value = value, NotBefore = offset ^ 5,
        };
        var bytes = new byte[outcome.Size];
        outcome.Write(bytes);
        return JournaledOutcome.TryRead(bytes, out var back) && back.Origin == outcome.Origin && back.Ending == outcome.Ending && back.Attempts == 3 && back.MayHaveLeft
            && back.At == outcome.At && back.NotBefore == outcome.NotBefore && back.Key.Span.SequenceEqual(outcome.Key.Span)
            && back.TraceParent.Span.SequenceEqual(outcome.TraceParent.Span) && back.Value.Span.SequenceEqual(value);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_file_torn_at_any_byte_gives_the_whole_frames_before_the_tear()
    {
        var (bytes, ends) = ThreeFrames();
        for (var length = 0; length < bytes.Length; length++)
        {
            Count(bytes.AsSpan(0, length)).ShouldBe((ends.Count(end => end <= length), 0), $"torn at {length}");
        }
    }

    [Fact]
    public void Every_flipped_bit_costs_its_own_frame_and_no_other()
    {
        var (bytes, _) = ThreeFrames();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var damaged = bytes.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Count(damaged).Frames.ShouldBe(2, $"bit {bit}");
        }
    }

    [Fact]
    public void A_frame_of_another_segment_is_none()
    {
        var (bytes, _) = ThreeFrames();
        var reader = new FrameReader(bytes, Segment + 1);
        reader.Read().ShouldBeFalse();
    }

    private static (byte[] Bytes, List<int> Ends) ThreeFrames()
    {
        var block = new Block();
        var ends = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            var outcome = Journals.Outcome(i);
            outcome.Write(block.Frame(outcome.Size, out var frame));
            Frames.Seal(frame, Segment, FrameKind.Outcome);
            ends.Add(block.Length);
        }

        return (block.Bytes[..block.Length], ends);
    }

    private static (int Frames, int Skipped) Count(ReadOnlySpan<byte> bytes)
    {
        var (frames, skipped) = (0, 0);
        for (var reader = new FrameReader(bytes, Segment); reader.Read(); frames++)
        {
            skipped += reader.Skipped;
        }

        return (frames, skipped);
    }
}
