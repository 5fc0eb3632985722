using Dispatch.Ingest.Spooling;

namespace Dispatch.Ingest.Tests.Spooling;

public sealed class DrainOrderTests
{
    private const string Transactional = "requests.transactional";
    private const string Automation = "requests.automation";
    private const string Campaign = "requests.campaign";

    private readonly SteppedTime _time = new();
    private readonly Dictionary<string, long> _waiting = Spool.Topics.ToDictionary(topic => topic, _ => 0L);
    private readonly Turns _turns;

    public DrainOrderTests() => _turns = new Turns(topic => _waiting[topic], _time);

    [Fact]
    public void The_urgent_goes_first_and_facts_before_bulk()
    {
        string[] order = [Transactional, "outcomes", Automation, Campaign];
        foreach (var topic in order)
        {
            _waiting[topic] = 100;
            _turns.Moved(topic);
        }

        foreach (var topic in order)
        {
            order.Where(other => _waiting[other] > 0 && _turns.Has(other)).ShouldBe([topic]);
            _waiting[topic] = 0;
        }
    }

    [Fact]
    public void A_class_that_stands_still_holds_up_nobody()
    {
        _waiting[Transactional] = 100;
        _turns.Moved(Transactional);
        _turns.Has(Campaign).ShouldBeFalse();
        _time.Advance(1.1);
        _turns.Has(Campaign).ShouldBeTrue();
    }

    [Fact]
    public void The_pace_halves_when_callers_wait_and_grows_again_step_by_step()
    {
        var pace = new DrainPace();
        var before = pace.Limit;
        Pass(pace, TimeSpan.FromMilliseconds(200)).ShouldBe(before / 2);
        Pass(pace, TimeSpan.FromMilliseconds(20)).ShouldBeGreaterThan(before / 2);
        for (var i = 0; i < 20; i++)
        {
            Pass(pace, TimeSpan.FromSeconds(1));
        }

        pace.Limit.ShouldBe(DrainPace.Least);
    }

    [Fact]
    public void What_is_on_its_way_stays_within_the_pace_but_one_batch_always_goes()
    {
        var pace = new DrainPace();
        pace.TryEnter(50_000).ShouldBeTrue();
        pace.TryEnter(1).ShouldBeFalse();
        pace.Leave(50_000, TimeSpan.Zero);
        pace.TryEnter(600).ShouldBeTrue();
        pace.TryEnter(600).ShouldBeFalse();
        pace.TryEnter(400).ShouldBeTrue();
    }

    private static int Pass(DrainPace pace, TimeSpan callersWait)
    {
        pace.TryEnter(1).ShouldBeTrue();
        pace.Leave(1, callersWait);
        return pace.Limit;
    }
}
