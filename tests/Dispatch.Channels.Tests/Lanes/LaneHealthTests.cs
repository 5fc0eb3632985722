using Dispatch.Channels.Lanes;

namespace Dispatch.Channels.Tests.Lanes;

public class LaneHealthTests
{
    private readonly LaneHealth _lane = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60));
    private TimeSpan _now;

    [Fact]
    public void Silence_with_work_waiting_faults_it_after_a_minute()
    {
        Live(59, busy: true).ShouldBe(LaneState.Open);
        Live(2, busy: true).ShouldBe(LaneState.Fenced);
        _lane.Admits(_now).ShouldBe(0);
    }

    [Fact]
    public void Silence_without_work_is_rest() => Live(600, busy: false).ShouldBe(LaneState.Open);

    [Fact]
    public void Progress_keeps_it_open()
    {
        for (var i = 0; i < 10; i++)
        {
            Live(50, busy: true);
            _lane.Progressed(_now).ShouldBeFalse();
        }

        _lane.State.ShouldBe(LaneState.Open);
    }

    [Fact]
    public void A_pause_that_the_provider_asked_for_is_no_silence()
    {
        _lane.Failed(_now, TimeSpan.FromSeconds(100));
        _lane.Admits(_now).ShouldBe(0);
        Live(100, busy: true).ShouldBe(LaneState.Open);
        _lane.Admits(_now).ShouldBe(int.MaxValue);
        Live(59, busy: true).ShouldBe(LaneState.Open);
        Live(2, busy: true).ShouldBe(LaneState.Fenced);
    }

    [Fact]
    public void A_process_that_stood_still_does_not_blame_its_lanes()
    {
        Live(10, busy: true);
        _now += TimeSpan.FromMinutes(10);
        _lane.Look(_now, busy: true).ShouldBeFalse();
        _lane.State.ShouldBe(LaneState.Open);
    }

    [Fact]
    public void Failures_in_a_row_fault_it_before_the_silence_is_complete()
    {
        for (var i = 0; i < 19; i++)
        {
            _lane.Failed(_now += TimeSpan.FromMilliseconds(500), null).ShouldBeFalse();
        }

        _lane.Failed(_now, null).ShouldBeTrue();
    }

    [Fact]
    public void A_burst_of_failures_within_one_moment_does_not()
    {
        for (var i = 0; i < 500; i++)
        {
            _lane.Failed(_now, null).ShouldBeFalse();
        }
    }

    [Fact]
    public void It_comes_back_by_one_probe_and_waits_twice_as_long_after_each_that_fails()
    {
        Live(61, busy: true);
        foreach (var wait in new[] { 5, 10, 20, 40, 60, 60 })
        {
            _lane.Admits(_now += TimeSpan.FromSeconds(wait - 1)).ShouldBe(0);
            _lane.Admits(_now += TimeSpan.FromSeconds(1)).ShouldBe(1);
            _lane.ProbeBegan();
            _lane.Admits(_now).ShouldBe(0);
            _lane.Failed(_now, null);
        }

        _lane.Admits(_now += TimeSpan.FromSeconds(60)).ShouldBe(1);
        _lane.ProbeBegan();
        _lane.Progressed(_now).ShouldBeTrue();
        _lane.Admits(_now).ShouldBe(int.MaxValue);
    }

    [Fact]
    public void A_probe_that_said_nothing_is_made_again()
    {
        Live(61, busy: true);
        _now += TimeSpan.FromSeconds(5);
        _lane.ProbeBegan();
        _lane.ProbeVanished();
        _lane.Admits(_now).ShouldBe(1);
    }

    [Fact]
    public void A_refused_credential_holds_it_until_a_probe_is_accepted()
    {
        _lane.CredentialRefused(_now).ShouldBeTrue();
        _lane.CredentialRefused(_now).ShouldBeFalse(); // the others that were in flight
        _lane.State.ShouldBe(LaneState.Held);
        _lane.Admits(_now += TimeSpan.FromSeconds(5)).ShouldBe(1);
        _lane.ProbeBegan();
        _lane.Progressed(_now).ShouldBeTrue();
        _lane.State.ShouldBe(LaneState.Open);
    }

    /// <summary>Time goes by in steps of a second, as a lane looks at itself.</summary>
    private LaneState Live(int seconds, bool busy)
    {
        for (; seconds > 0; seconds--)
        {
            _lane.Look(_now += TimeSpan.FromSeconds(1), busy);
        }

        return _lane.State;
    }
}
