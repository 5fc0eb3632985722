using Dispatch.Channels.Lanes;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Channels.Tests.Lanes;

public class PacingTests
{
    [Fact]
    public void A_bucket_gives_its_rate_and_no_more_however_it_is_asked() => Prop.ForAll(
        Gen.Choose(1, 2_000).ToArbitrary(), Gen.Choose(1, 50).ListOf().ToArbitrary(), (rate, steps) =>
        {
            var bucket = new TokenBucket(rate, TimeSpan.Zero);
            var (now, taken) = (TimeSpan.Zero, 0L);
            foreach (var step in steps)
            {
                now += TimeSpan.FromMilliseconds(step);
                var available = bucket.Available(now);
                bucket.Take(available);
                taken += available;
            }

            return taken <= (now.TotalSeconds * rate) + Math.Max(1, rate * 0.05) + 0.001;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_bucket_that_is_asked_often_gives_all_of_its_rate()
    {
        var bucket = new TokenBucket(100, TimeSpan.Zero);
        var taken = 0;
        for (var ms = 0; ms < 10_000; ms += 5)
        {
            var available = bucket.Available(TimeSpan.FromMilliseconds(ms));
            bucket.Take(available);
            taken += available;
        }

        taken.ShouldBeInRange(995, 1_005);
    }

    [Fact]
    public void Without_a_rate_there_is_no_limit() => new TokenBucket(0, TimeSpan.Zero).Available(TimeSpan.Zero).ShouldBe(int.MaxValue);

    [Fact]
    public void A_window_finds_a_thousand_streams_in_a_few_round_trips()
    {
        var window = new InFlightWindow(1_000);
        var trips = 0;
        for (; window.Size < 1_000; trips++)
        {
            for (var answers = window.Size; answers > 0; answers--)
            {
                window.Took(window.Size);
            }
        }

        trips.ShouldBeLessThan(6);
    }

    [Fact]
    public void A_window_halves_once_for_many_refusals_at_once_and_then_grows_by_one_a_round_trip()
    {
        var window = new InFlightWindow(32);
        for (var i = 0; i < 30; i++)
        {
            window.Refused(TimeSpan.FromMilliseconds(i));
        }

        window.Size.ShouldBe(16);
        for (var answers = 0; answers < 17; answers++)
        {
            window.Took(16);
        }

        window.Size.ShouldBe(17);
        window.Refused(TimeSpan.FromSeconds(2));
        window.Size.ShouldBe(8);
    }

    [Fact]
    public void A_window_that_is_not_used_does_not_grow()
    {
        var window = new InFlightWindow(1_000);
        for (var i = 0; i < 10_000; i++)
        {
            window.Took(2);
        }

        window.Size.ShouldBe(32);
    }

    [Fact]
    public void A_window_never_closes()
    {
        var window = new InFlightWindow(100);
        for (var second = 0; second < 60; second++)
        {
            window.Refused(TimeSpan.FromSeconds(second));
        }

        window.Size.ShouldBe(1);
    }

    [Fact]
    public void Retries_are_a_tenth_of_what_is_sent()
    {
        var budget = new RetryBudget();
        var (sent, retries) = (0, 0);
        for (; sent < 10_000; sent++)
        {
            budget.Sent(1, 0);
            for (; budget.Available(TimeSpan.Zero) > 0; retries++)
            {
                budget.Sent(0, 1);
            }
        }

        ((double)retries / sent).ShouldBeInRange(0.099, 0.103);
    }

    [Fact]
    public void A_lane_that_has_nothing_left_but_retries_gets_through_them()
    {
        var budget = new RetryBudget();
        var retries = 0;
        for (var now = TimeSpan.Zero; now < TimeSpan.FromMinutes(1); now += TimeSpan.FromMilliseconds(5))
        {
            for (; budget.Available(now) > 0; retries++)
            {
                budget.Sent(0, 1);
            }
        }

        retries.ShouldBeInRange(310, 320); // the 20 at the start, and 5 a second
    }

    [Fact]
    public void An_hour_of_rest_earns_no_burst_of_retries()
    {
        var budget = new RetryBudget();
        budget.Available(TimeSpan.FromHours(1)).ShouldBe(20);
        budget.Sent(1_000, 0);
        budget.Available(TimeSpan.FromHours(2)).ShouldBe(120); // what was earned is not lost to the clock
    }

    [Fact]
    public void The_circuit_opens_for_a_mass_of_dead_tokens_and_closes_when_they_are_few_again()
    {
        var circuit = new BadTokenCircuit();
        for (var i = 0; i < 9; i++)
        {
            circuit.Count(bad: true, TimeSpan.FromSeconds(i)).ShouldBeFalse();
        }

        circuit.Count(bad: true, TimeSpan.FromSeconds(9)).ShouldBeTrue();
        circuit.IsOpen.ShouldBeTrue();
        circuit.Count(bad: false, TimeSpan.FromMinutes(5.5));
        circuit.IsOpen.ShouldBeFalse();
    }

    [Fact]
    public void A_fifth_of_dead_tokens_is_no_mass()
    {
        var circuit = new BadTokenCircuit();
        for (var i = 0; i < 1_000; i++)
        {
            circuit.Count(bad: i % 5 == 4, TimeSpan.FromMilliseconds(i)).ShouldBeFalse();
        }

        circuit.IsOpen.ShouldBeFalse();
    }

    [Fact]
    public void The_circuit_forgets_what_is_older_than_five_minutes() => Prop.ForAll(Gen.Choose(0, 1_200).ListOf().ToArbitrary(), steps =>
    {
        var circuit = new BadTokenCircuit();
        var now = TimeSpan.Zero;
        var seen = new List<(TimeSpan At, bool Bad)>();
        foreach (var (step, i) in steps.Select((step, i) => (step, i)))
        {
            now += TimeSpan.FromSeconds(step / 10);
            var bad = i % 3 == 0;
            circuit.Count(bad, now);
            seen.Add((now, bad));
        }

        var bucket = now.Ticks / TimeSpan.FromSeconds(10).Ticks;
        var recent = seen.Where(it => (it.At.Ticks / TimeSpan.FromSeconds(10).Ticks) > bucket - 30).ToList();
        return circuit.IsOpen == (recent.Count >= 10 && recent.Count(it => it.Bad) > recent.Count * 0.2);
    }).QuickCheckThrowOnFailure();
}
