using System.Collections.Immutable;
using Dispatch.Log.Files;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Log.Tests;

/// <summary>What is written comes back equal; what was changed anywhere does not come back.</summary>
public sealed class CodecTests
{
    private static readonly Gen<byte[]> Bytes = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf();

    private static readonly Gen<Record> Records =
        from key in Bytes
        from value in Bytes
        from headers in (from name in Gen.Elements("traceparent", "not_before", "ключ", "", "x") from value in Bytes select new RecordHeader(name, value)).ArrayOf()
        select new Record("t", key, value) { Headers = [.. headers.Take(255)] };

    private static readonly Gen<PositionEntry> Entries =
        from name in Gen.Elements("router", "push", "группа")
        from topic in Gen.Choose(1, 60_000)
        from partition in Gen.Choose(0, 255)
        from next in Gen.Choose(0, int.MaxValue)
        from steps in Gen.Choose(1, 5_000).ArrayOf()
        from kinds in Gen.Elements(MarkKind.Done, MarkKind.Kept).ArrayOf(steps.Length)
        select new PositionEntry(name, topic, partition, new Position((long)next << 20, Marks((long)next << 20, steps, kinds)));

    [Fact]
    public void A_record_comes_back_as_it_was_written() => Prop.ForAll(Records.ToArbitrary(), record =>
    {
        var bytes = new byte[RecordCodec.SizeOf(record)];
        RecordCodec.Write(record, bytes).ShouldBe(bytes.Length);
        RecordCodec.LengthAt(bytes).ShouldBe(bytes.Length);
        var entry = RecordCodec.Read(bytes, 7, DateTimeOffset.UnixEpoch);
        return entry.Offset == 7 && entry.Key.Span.SequenceEqual(record.Key.Span) && entry.Value.Span.SequenceEqual(record.Value.Span)
            && entry.Headers.Select(header => (header.Name, Convert.ToHexString(header.Value.Span))).SequenceEqual(record.Headers.Select(header => (header.Name, Convert.ToHexString(header.Value.Span))));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Positions_come_back_as_they_were_written_and_no_changed_byte_passes() => Prop.ForAll(Entries.ArrayOf().ToArbitrary(), entries =>
    {
        var bytes = PositionCodec.Encode(entries);
        var back = PositionCodec.Decode(bytes);
        var at = entries.Length * 31 % bytes.Length;
        bytes[at] ^= 0x10;
        return back is not null && back.SequenceEqual(entries) && PositionCodec.Decode(bytes) is null;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_frame_header_comes_back_and_belongs_to_its_segment_alone() => Prop.ForAll(
        (from sequence in Gen.Choose(1, int.MaxValue)
         from length in Gen.Choose(FrameHeader.Size, FrameHeader.LengthMax)
         from runs in Gen.Choose(0, ushort.MaxValue)
         from segment in Gen.Choose(1, int.MaxValue)
         select (new FrameHeader(FrameType.Commit, (long)sequence << 9, sequence, 1_900_000_000_000, length, runs, length / 2), segment)).ToArbitrary(),
        of =>
        {
            var (header, segment) = of;
            var bytes = new byte[FrameHeader.Size];
            header.Write(bytes, segment);
            return FrameHeader.TryRead(bytes, segment, out var back) && back == header && !FrameHeader.TryRead(bytes, segment + 1, out _) && !FrameHeader.TryRead(bytes.AsSpan(0, 47), segment, out _);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_flipped_bit_of_a_header_is_seen()
    {
        var frame = new byte[FrameHeader.Size];
        new FrameHeader(FrameType.Append, 1, 0, 1, 100, 1, 0).Write(frame, 1);
        var run = new byte[RunHeader.Size];
        new RunHeader(1, 2, 3, 4, 5, 6, 7).Write(run, 1);
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            FrameHeader.TryRead(frame, 1, out _).ShouldBeFalse($"bit {bit}");
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var bit = 0; bit < run.Length * 8; bit++)
        {
            run[bit / 8] ^= (byte)(1 << (bit % 8));
            RunHeader.TryRead(run, 1, out _).ShouldBeFalse($"bit {bit}");
            run[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData(0, 0x00000000)]
    [InlineData(32, 0x8A9136AA)] // RFC 3720, appendix B.4: 32 bytes of zeros
    public void The_checksum_is_the_one_of_the_RFC(int zeros, uint expected) => Crc.Of(new byte[zeros]).ShouldBe(expected);

    private static ImmutableArray<Mark> Marks(long next, int[] steps, MarkKind[] kinds)
    {
        var marks = ImmutableArray.CreateBuilder<Mark>();
        var at = next;
        for (var i = 0; i < steps.Length; i++)
        {
            marks.Add(new Mark(at += steps[i], kinds[i]));
        }

        return marks.ToImmutable();
    }
}
