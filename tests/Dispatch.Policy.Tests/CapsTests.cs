using Dispatch.Contracts;

namespace Dispatch.Policy.Tests;

public class CapsTests
{
    private const long Now = 1_795_000_000_000;
    private static readonly Freshness Freshness = new();
    private static readonly CapRule Daily = Rule(1, limit: 3, TimeSpan.FromDays(1));
    private static readonly CapRule Hourly = Rule(2, limit: 1, TimeSpan.FromHours(1));

    [Fact]
    public void Gives_places_in_order_until_the_limit()
    {
        var decision = Decide([], [.. Enumerable.Range(1, 5).Select(i => Ask(i, Daily))]);
        decision.RefusedBy.ShouldBe([null, null, null, Daily, Daily]);
        decision.Places.Select(place => place.Message).ShouldBe([1UL, 2, 3]);
    }

    [Fact]
    public void A_message_gets_all_its_places_or_none()
    {
        var decision = Decide([], [Ask(1, Daily, Hourly), Ask(2, Daily, Hourly), Ask(3, Daily)]);
        decision.RefusedBy.ShouldBe([null, Hourly, null]);
        decision.Places.Select(place => (place.Rule, place.Message)).ShouldBe([(1, 1UL), (2, 1), (1, 3)]);
    }

    [Fact]
    public void Its_own_place_is_renewed_even_when_there_is_no_room()
    {
        var full = Decide([], [Ask(1, Hourly)]);
        var later = Now + 60_000;
        var again = Caps.Decide(full.Places, [Ask(1, later, Hourly), Ask(2, later, Hourly)], later, Freshness);
        again.RefusedBy.ShouldBe([null, Hourly]);
        again.Places.Single().Until.ShouldBe(full.Places.Single().Until + 60);
    }

    [Fact]
    public void A_renewal_never_shortens_a_place()
    {
        var placed = Decide([], [Ask(1, Hourly)]);
        var earlier = Caps.Decide(placed.Places, [Ask(1, Now - 5_000, Hourly)], Now - 5_000, Freshness);
        earlier.Changed.ShouldBeFalse();
        earlier.Places.ShouldBe(placed.Places);
    }

    [Fact]
    public void A_place_that_has_ended_makes_room_and_is_dropped()
    {
        var old = new CapPlace(9, Hourly.Number, (uint)(Now / 1_000));
        var stillThere = new CapPlace(8, 77, (uint)(Now / 1_000) + 1); // of a rule that this Router has not heard of yet
        var decision = Decide([old, stillThere], [Ask(1, Hourly)]);
        decision.RefusedBy.ShouldBe([null]);
        decision.Places.Select(place => place.Message).ShouldBe([8UL, 1]);
    }

    [Fact]
    public void A_charge_takes_its_place_beyond_the_limit_and_counts_from_then_on()
    {
        var full = Decide([], [Ask(1, Hourly)]);
        var charged = Decide(full.Places, [Ask(2, Hourly) with { Charge = true }, Ask(3, Hourly)]);
        charged.RefusedBy.ShouldBe([null, Hourly]);
        charged.Places.Length.ShouldBe(2);
    }

    [Fact]
    public void A_charge_that_comes_a_window_late_takes_nothing()
    {
        var late = Decide([], [Ask(1, Now - (long)TimeSpan.FromHours(2).TotalMilliseconds, Hourly) with { Charge = true }]);
        late.Changed.ShouldBeFalse();
        late.Places.ShouldBeEmpty();
    }

    [Fact]
    public void Being_refused_writes_nothing() => Decide(Decide([], [Ask(1, Hourly)]).Places, [Ask(2, Hourly)]).Changed.ShouldBeFalse();

    [Fact]
    public void A_place_never_ends_before_its_time()
    {
        CapPlace.UntilOf(1_001).ShouldBe(2u);
        CapPlace.UntilOf(1_000).ShouldBe(1u);
        new CapPlace(1, 1, 2).CountsAt(1_999).ShouldBeTrue();
        new CapPlace(1, 1, 2).CountsAt(2_000).ShouldBeFalse();
    }

    [Fact]
    public void Places_survive_being_written_down()
    {
        CapPlace[] places = [new(ulong.MaxValue, int.MaxValue, uint.MaxValue), new(2, 3, 4)];
        CapPlace.Read(CapPlace.Write(places)).ToArray().ShouldBe(places);
        Should.Throw<FormatException>(() => CapPlace.Read(new byte[17]).Length);
    }

    internal static CapRule Rule(int number, int limit, TimeSpan window) => new(number, default, "shop", CapKind.Global, "", [.. Topics.Classes], limit, window);

    internal static Id Message(int n) => new((UInt128)n);

    private static CapAsk Ask(int message, params CapRule[] rules) => Ask(message, Now, rules);

    private static CapAsk Ask(int message, long routedAt, params CapRule[] rules) => new(Message(message), TrafficClass.Transactional, rules, routedAt);

    private static CapDecision Decide(CapPlace[] places, CapAsk[] asks) => Caps.Decide(places, asks, Now, Freshness);
}
