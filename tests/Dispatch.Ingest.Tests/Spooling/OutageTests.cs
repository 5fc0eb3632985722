using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Log.Clusters;

namespace Dispatch.Ingest.Tests.Spooling;

public sealed class OutageTests
{
    private static readonly TopicPartition One = new("requests.campaign", 1);
    private static readonly TopicPartition Other = new("requests.campaign", 2);

    private readonly SteppedTime _time = new();
    private readonly Outage _outage;

    public OutageTests() => _outage = new Outage(TimeSpan.FromSeconds(3), _time);

    [Fact]
    public void Nothing_on_its_way_is_no_outage()
    {
        _time.Advance(3_600);
        _outage.ClusterSince.ShouldBeNull();
        _outage.Takes(One).ShouldBeTrue();
    }

    [Fact]
    public void What_waits_longer_than_the_limit_puts_its_partition_out_and_the_others_stay()
    {
        _outage.Begin(One, isDrain: false);
        for (var i = 0; i < 8; i++)
        {
            Arrives(Other);
            _time.Advance(0.5);
        }

        _outage.Partitions.ShouldBe([One]);
        _outage.Takes(One).ShouldBeFalse();
        _outage.Takes(Other).ShouldBeTrue();
        _outage.ClusterSince.ShouldBeNull();
    }

    [Fact]
    public void When_nothing_is_acknowledged_anywhere_the_cluster_is_out_since_the_last_sign_of_life()
    {
        Arrives(Other);
        var last = _time.GetUtcNow();
        _outage.Begin(One, isDrain: false);
        _time.Advance(2.9);
        _outage.ClusterSince.ShouldBeNull();
        _time.Advance(0.2);
        _outage.ClusterSince.ShouldBe(last);
        _outage.Takes(Other).ShouldBeFalse();
    }

    [Fact]
    public void A_cluster_is_out_with_all_its_partitions_while_the_other_one_is_not()
    {
        var there = ClusterNumber.At(1, One);
        _outage.Begin(there, isDrain: false);
        for (var i = 0; i < 8; i++)
        {
            Arrives(One);
            _time.Advance(0.5);
        }

        _outage.Silence(1).ShouldBe(TimeSpan.FromSeconds(4));
        _outage.Since(1).ShouldNotBeNull();
        _outage.Takes(ClusterNumber.At(1, Other)).ShouldBeFalse(); // although nothing was ever tried there
        (_outage.Since(0), _outage.Silence(0), _outage.ClusterSince).ShouldBe((null, TimeSpan.Zero, null));
        _outage.Takes(Other).ShouldBeTrue();
        (_outage.Counts(0), _outage.Counts(1)).ShouldBe(((8, 0), (0, 0)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_first_acknowledgement_brings_it_back_whoever_it_was_for(bool isDrain)
    {
        var stuck = _outage.Begin(One, isDrain);
        _time.Advance(4);
        _outage.ClusterSince.ShouldNotBeNull();
        _outage.End(stuck, arrived: true);
        _outage.ClusterSince.ShouldBeNull();
        _outage.Partitions.ShouldBeEmpty();
        _outage.Takes(One).ShouldBeTrue();
    }

    [Fact]
    public void Failures_count_as_silence()
    {
        _outage.End(_outage.Begin(One, isDrain: false), arrived: false);
        _time.Advance(3.1);
        _outage.ClusterSince.ShouldNotBeNull();
    }

    [Fact]
    public void While_it_is_out_and_nothing_is_on_its_way_one_record_in_two_seconds_is_tried()
    {
        _outage.End(_outage.Begin(One, isDrain: false), arrived: false);
        _time.Advance(3.1);
        _outage.Takes(One).ShouldBeFalse();
        _time.Advance(2.1);
        _outage.Takes(One).ShouldBeTrue();
        _outage.Takes(One).ShouldBeFalse();
    }

    [Fact]
    public void A_cluster_whose_partitions_are_not_even_known_is_out_too()
    {
        _outage.Unreachable();
        _time.Advance(3.1);
        _outage.ClusterSince.ShouldNotBeNull();
    }

    [Fact]
    public void What_callers_wait_is_the_last_acknowledgement_or_what_is_overdue()
    {
        var quick = _outage.Begin(One, isDrain: false);
        _time.Advance(0.02);
        _outage.End(quick, arrived: true);
        _outage.CallersWait.ShouldBe(TimeSpan.FromSeconds(0.02));
        _outage.Begin(One, isDrain: false);
        _time.Advance(0.5);
        _outage.CallersWait.ShouldBe(TimeSpan.FromSeconds(0.5));
        _outage.Begin(Other, isDrain: true);
        _time.Advance(0.5);
        _outage.CallersWait.ShouldBe(TimeSpan.FromSeconds(1));
    }

    private void Arrives(TopicPartition at) => _outage.End(_outage.Begin(at, isDrain: false), arrived: true);
}
