using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Log.Tests;

public sealed class WindowTests
{
    /// <summary>Against the plainest model there is: a set of what is settled.</summary>
    [Fact]
    public void Position_tells_exactly_what_is_settled_whatever_the_order()
    {
        var cases = from seed in Gen.Choose(0, int.MaxValue) from steps in Gen.Choose(1, 400) select (seed, steps);
        Prop.ForAll(cases.ToArbitrary(), of => Play(of.seed, of.steps)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_window_that_is_begun_again_from_its_position_hands_out_only_what_is_left()
    {
        var window = new Window(new Position(10));
        for (var offset = 10; offset < 20; offset++)
        {
            window.Begin(offset);
        }

        window.Done(10);
        window.Done(13);
        window.Kept(15);
        var again = new Window(window.Position);
        window.Position.ShouldBe(new Position(11, [new Mark(13, MarkKind.Done), new Mark(15, MarkKind.Kept)]));
        again.Position.ShouldBe(window.Position);
        Should.Throw<InvalidOperationException>(() => again.Begin(13));
        foreach (var offset in new[] { 11, 12, 14 })
        {
            again.Begin(offset);
            again.Done(offset);
        }

        again.Position.ShouldBe(new Position(16));
        again.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void It_is_bounded_by_what_a_position_can_mark()
    {
        var window = new Window(Position.Zero);
        for (var offset = 0; offset < Position.AboveMax; offset++)
        {
            window.Fits(offset).ShouldBeTrue();
            window.Begin(offset);
        }

        window.Fits(Position.AboveMax).ShouldBeFalse();
        Should.Throw<InvalidOperationException>(() => window.Begin(Position.AboveMax));
        for (var offset = 1; offset < Position.AboveMax; offset++)
        {
            window.Done(offset);
        }

        window.Position.Above.Length.ShouldBe(Position.AboveMax - 1);
        window.Done(0);
        window.Position.ShouldBe(new Position(Position.AboveMax));
        window.Fits(Position.AboveMax).ShouldBeTrue();
    }

    [Fact]
    public void A_gap_of_any_width_is_passed_once_nothing_is_outstanding()
    {
        var window = new Window(Position.Zero);
        window.Begin(3);
        window.Position.ShouldBe(new Position(3));
        window.Fits(1_000_000).ShouldBeFalse();
        window.Done(3);
        window.Fits(1_000_000).ShouldBeTrue();
        window.Begin(1_000_000);
        window.Position.ShouldBe(new Position(1_000_000));
        window.Done(1_000_000);
        window.Position.ShouldBe(new Position(1_000_001));
    }

    [Theory]
    [InlineData(5)] // not handed out
    [InlineData(1)] // settled
    [InlineData(-1)]
    public void Only_what_is_outstanding_can_be_settled(long offset)
    {
        var window = new Window(Position.Zero);
        window.Begin(0);
        window.Begin(1);
        window.Done(1);
        Should.Throw<InvalidOperationException>(() => window.Done(offset));
        Should.Throw<InvalidOperationException>(() => window.Kept(offset));
        window.Outstanding.ShouldBe(1);
    }

    [Fact]
    public void Marks_that_no_window_gave_are_refused() =>
        Should.Throw<ArgumentException>(() => new Window(new Position(0, [new Mark(Position.AboveMax, MarkKind.Done)])));

    private static bool Play(int seed, int steps)
    {
        var random = new Random(seed);
        var start = random.Next(0, 1000);
        var window = new Window(new Position(start));
        var outstanding = new List<long>();
        var settled = new SortedDictionary<long, MarkKind>();
        var next = (long)start;
        for (var step = 0; step < steps; step++)
        {
            if (outstanding.Count == 0 || random.Next(2) == 0)
            {
                for (var skipped = random.Next(10) == 0 ? random.Next(1, 5) : 0; skipped > 0; skipped--)
                {
                    settled[next++] = MarkKind.Done;
                }

                window.Begin(next);
                outstanding.Add(next++);
            }
            else
            {
                var at = random.Next(outstanding.Count);
                var kind = random.Next(4) == 0 ? MarkKind.Kept : MarkKind.Done;
                if (kind == MarkKind.Kept)
                {
                    window.Kept(outstanding[at]);
                }
                else
                {
                    window.Done(outstanding[at]);
                }

                settled[outstanding[at]] = kind;
                outstanding.RemoveAt(at);
            }

            var lowest = outstanding.Count > 0 ? outstanding.Min() : next;
            var expected = new Position(lowest, [.. settled.Where(at => at.Key > lowest).Select(at => new Mark(at.Key, at.Value))]);
            if (!window.Position.Equals(expected) || window.Outstanding != outstanding.Count || !new Window(expected).Position.Equals(expected))
            {
                return false;
            }
        }

        return true;
    }
}
