using Dispatch.Log.Kafka;

namespace Dispatch.Log.Tests;

public class LeaseTests
{
    private long _now = 1_000_000;
    private readonly Lease _lease;

    public LeaseTests() => _lease = new Lease(TimeSpan.FromSeconds(10), () => _now);

    [Theory]
    [InlineData(0, true)]
    [InlineData(1_999, true)]
    [InlineData(2_000, false)]
    [InlineData(60_000, false)]
    public void A_stamp_is_good_for_two_seconds(long after, bool holds)
    {
        _lease.Stamp().ShouldBe(0);
        _now += after;
        _lease.Holds.ShouldBe(holds);
    }

    [Fact]
    public void A_short_gap_ends_with_the_next_stamp()
    {
        _now += 4_999;
        _lease.Holds.ShouldBeFalse();
        _lease.Stamp().ShouldBe(0);
        _lease.Holds.ShouldBeTrue();
    }

    [Fact]
    public void After_half_a_session_a_stamp_is_not_believed_until_it_is_confirmed()
    {
        _now += 5_001;
        var doubt = _lease.Stamp();
        doubt.ShouldNotBe(0);
        _lease.Holds.ShouldBeFalse();
        _lease.Stamp().ShouldBe(0); // asked for once
        _lease.Holds.ShouldBeFalse();

        _lease.Confirm(doubt);
        _lease.Holds.ShouldBeTrue();
    }

    [Fact]
    public void What_confirms_an_earlier_doubt_does_not_confirm_a_later_one()
    {
        _now += 6_000;
        var first = _lease.Stamp();
        _now += 6_000;
        var second = _lease.Stamp();
        _lease.Confirm(first);
        _lease.Holds.ShouldBeFalse();
        _lease.Confirm(second);
        _lease.Holds.ShouldBeTrue();
    }

    [Fact]
    public void A_confirmation_that_comes_late_takes_nothing_back()
    {
        _now += 6_000;
        var first = _lease.Stamp();
        _now += 6_000;
        var second = _lease.Stamp();
        _lease.Confirm(second);
        _lease.Confirm(first);
        _lease.Holds.ShouldBeTrue();
    }

    [Fact]
    public void A_doubt_is_as_old_as_the_last_stamp_that_nobody_doubted()
    {
        _lease.Stamp();
        _now += 1_999;
        _lease.InDoubtFor.ShouldBe(TimeSpan.Zero);
        _now += 6_001;
        _lease.InDoubtFor.ShouldBe(TimeSpan.FromSeconds(8)); // the loop stands still
        var doubt = _lease.Stamp();
        _now += 1_000;
        _lease.Stamp();
        _lease.InDoubtFor.ShouldBe(TimeSpan.FromSeconds(9)); // it goes on, and nobody confirms
        _lease.Confirm(doubt);
        _lease.InDoubtFor.ShouldBe(TimeSpan.Zero);
        _lease.Stamp();
        _now += 3_000;
        _lease.InDoubtFor.ShouldBe(TimeSpan.FromSeconds(3));
    }
}
