using Dispatch.Channels.Flow;
using Dispatch.Log;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Channels.Tests.Flow;

public class ProgressTests
{
    [Fact]
    public void A_position_says_exactly_what_is_settled_whatever_the_order() => Prop.ForAll(
        Gen.Choose(0, 400).ListOf().ToArbitrary(), Gen.Choose(0, 5).ToArbitrary(), (settled, gaps) =>
        {
            // Offsets that are multiples of seven are missing where there are gaps: skipped by the log.
            var progress = new Progress(new Position(1_000));
            var offsets = Enumerable.Range(1_000, 400).Where(offset => gaps == 0 || offset % 7 != 0).Select(offset => (long)offset).ToList();
            progress.TryAdmit(new Batch([.. offsets.Select(Entry)], 1_400)).ShouldBeTrue();
            foreach (var i in settled)
            {
                progress.Settle(1_000 + i);
            }

            var open = offsets.Where(offset => !settled.Contains((int)offset - 1_000)).ToHashSet();
            var position = progress.Snapshot();
            var next = open.Count > 0 ? open.Min() : 1_400;
            return position.Next == next
                && position.Above.Select(mark => mark.Offset).SequenceEqual(Enumerable.Range((int)next, 1_400 - (int)next).Select(offset => (long)offset).Where(offset => !open.Contains(offset)))
                && position.Above.All(mark => mark.Kind == MarkKind.Done);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void It_runs_ahead_no_further_than_a_position_can_say()
    {
        var progress = new Progress(Position.Zero);
        for (var at = 0L; at < Position.AboveMax; at += 1_024)
        {
            progress.TryAdmit(BatchOf(at, 1_024)).ShouldBeTrue();
        }

        progress.TryAdmit(BatchOf(Position.AboveMax, 1)).ShouldBeFalse();
        progress.Settle(0);
        progress.TryAdmit(BatchOf(Position.AboveMax, 1)).ShouldBeTrue();
        progress.Snapshot().Next.ShouldBe(1);
    }

    [Fact]
    public void What_is_in_flight_at_the_end_is_kept_and_what_nobody_took_is_not()
    {
        var progress = new Progress(Position.Zero);
        progress.TryAdmit(BatchOf(0, 5));
        progress.Begin(1);
        progress.Begin(2);
        progress.Return(2);
        progress.Begin(3);
        progress.Settle(3);
        progress.InFlight.ShouldBe(1);
        progress.Snapshot(keep: true).ShouldBe(new Position(0, [new Mark(1, MarkKind.Kept), new Mark(3, MarkKind.Done)]));
    }

    [Fact]
    public void Marks_of_an_earlier_owner_stay_until_the_position_passes_them()
    {
        var progress = new Progress(new Position(10, [new Mark(12, MarkKind.Done), new Mark(14, MarkKind.Kept)]));
        progress.TryAdmit(new Batch([Entry(10), Entry(11), Entry(13)], 14)).ShouldBeTrue();
        progress.Snapshot().ShouldBe(new Position(10, [new Mark(12, MarkKind.Done), new Mark(14, MarkKind.Kept)]));
        progress.Settle(10);
        progress.Settle(11);
        progress.Snapshot().ShouldBe(new Position(13, [new Mark(14, MarkKind.Kept)]));
        progress.TryAdmit(new Batch([Entry(15)], 16)).ShouldBeTrue();
        progress.Settle(13);
        progress.Settle(15);
        progress.Snapshot().ShouldBe(new Position(14, [new Mark(14, MarkKind.Kept), new Mark(15, MarkKind.Done)]));
    }

    [Fact]
    public void A_gap_wider_than_the_window_is_stepped_over()
    {
        var progress = new Progress(Position.Zero);
        progress.TryAdmit(new Batch([Entry(1_000_000)], 1_000_001)).ShouldBeTrue();
        progress.Snapshot().Next.ShouldBe(1_000_000);
    }

    private static Batch BatchOf(long from, int count) => new([.. Enumerable.Range(0, count).Select(i => Entry(from + i))], from + count);

    private static Entry Entry(long offset) => new(offset, DateTimeOffset.UnixEpoch, default, default, []);
}
