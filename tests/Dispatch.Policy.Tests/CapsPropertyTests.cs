using Dispatch.Contracts;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatch.Policy.Tests;

/// <summary>
/// Routers, dispatchers and Feedback as they may interleave at worst, played against the provider's own log: whatever they do, no window that begins at an
/// acceptance holds more first acceptances than a rule allows.
/// </summary>
public class CapsPropertyTests
{
    private static readonly Freshness Freshness = new()
    {
        Transactional = TimeSpan.FromSeconds(3), Automation = TimeSpan.FromSeconds(6), Campaign = TimeSpan.FromSeconds(10), AttemptMax = TimeSpan.FromSeconds(15),
    };

    private static readonly CapRule[] Rules =
    [
        CapsTests.Rule(1, limit: 3, TimeSpan.FromSeconds(60)),
        CapsTests.Rule(2, limit: 1, TimeSpan.FromSeconds(25)),
        CapsTests.Rule(3, limit: 2, TimeSpan.FromSeconds(200)),
    ];

    private enum Act { Route, RouteAgain, CrashAfterReserving, BeginAttempt, Accept, GiveUp }

    private sealed record Step(Act Act, int Message, int Seconds, int Rules, TrafficClass Class);

    [Fact]
    public void No_window_holds_more_acceptances_than_the_limit() => Prop.ForAll(
        Steps().ListOf().ToArbitrary(),
        steps =>
        {
            var accepted = Play(steps);
            return Rules.All(rule => accepted.Where(it => it.Rules.Contains(rule)).All(first =>
                accepted.Count(it => it.Rules.Contains(rule) && it.At >= first.At && it.At < first.At + (long)rule.Window.TotalMilliseconds) <= rule.Limit));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000).WithEndSize(200));

    [Fact]
    public void The_game_is_worth_playing() // many are accepted and many refused: the property above is not true for want of events
    {
        var steps = Steps().ListOf(4_000).Sample(1).Single();
        Play(steps).Count.ShouldBeGreaterThan(50);
    }

    private static Gen<Step> Steps() =>
        from act in Gen.Frequency(
            (4, Gen.Constant(Act.Route)), (2, Gen.Constant(Act.RouteAgain)), (1, Gen.Constant(Act.CrashAfterReserving)),
            (4, Gen.Constant(Act.BeginAttempt)), (4, Gen.Constant(Act.Accept)), (1, Gen.Constant(Act.GiveUp)))
        from message in Gen.Choose(0, 3)
        from seconds in Gen.Frequency((4, Gen.Choose(0, 1)), (1, Gen.Choose(2, 20)))
        from rules in Gen.Frequency((1, Gen.Choose(1, 7)), (2, Gen.Constant(2)))
        from of in Gen.Elements(Topics.Classes.ToArray())
        select new Step(act, message, seconds, rules, of);

    private sealed class Life(Id id, CapRule[] rules, TrafficClass of)
    {
        public Id Id => id;
        public CapRule[] Rules => rules;
        public TrafficClass Class => of;
        public long? RoutedAt { get; set; } // on its channel since
        public long? AttemptBegan { get; set; }
        public bool MayHaveLeft { get; set; }
        public bool Accepted { get; set; }
        public bool Over { get; set; }
    }

    private static List<(long At, CapRule[] Rules)> Play(IEnumerable<Step> steps)
    {
        var (now, next, row) = (1_000_000L, 0, Array.Empty<CapPlace>());
        var lives = new Dictionary<int, Life>();
        var accepted = new List<(long At, CapRule[] Rules)>();
        foreach (var step in steps)
        {
            now += step.Seconds * 1_000;
            if (!lives.TryGetValue(step.Message, out var life) || life.Over)
            {
                lives[step.Message] = life = new Life(CapsTests.Message(++next), [.. Rules.Where((_, i) => (step.Rules & (1 << i)) != 0)], step.Class);
            }

            switch (step.Act)
            {
                case Act.Route when life.RoutedAt is null:
                case Act.RouteAgain when life.AttemptBegan is null: // through reroute: decided anew, its places renewed
                case Act.CrashAfterReserving when life.RoutedAt is null: // reserved, not committed: the Router that reads it again finds its own places
                    var decision = Caps.Decide(row, [new CapAsk(life.Id, life.Class, life.Rules, now)], now, Freshness);
                    row = decision.Places;
                    var refused = decision.RefusedBy[0] is not null;
                    life.RoutedAt = refused || step.Act == Act.CrashAfterReserving ? null : now;
                    life.Over = refused;
                    row = refused && !life.MayHaveLeft ? Released(row, life) : row;
                    break;
                case Act.BeginAttempt when life is { RoutedAt: { } routed, AttemptBegan: null } && now - routed < Freshness.For(life.Class).TotalMilliseconds:
                    life.AttemptBegan = now;
                    life.MayHaveLeft = true;
                    break;
                case Act.Accept when life.AttemptBegan is { } began: // answered at once, or as late as an attempt can be
                    var at = Math.Min(now, began + (long)Freshness.AttemptMax.TotalMilliseconds);
                    if (!life.Accepted)
                    {
                        accepted.Add((at, life.Rules));
                    }

                    life.Accepted = true;
                    life.AttemptBegan = null;
                    life.Over = step.Rules % 2 == 0; // else the answer was lost, and the message is sent again
                    break;
                case Act.GiveUp when life is { MayHaveLeft: false, RoutedAt: not null }: // proof that nothing was sent
                    row = Released(row, life);
                    life.Over = true;
                    break;
                default:
                    break;
            }
        }

        return accepted;
    }

    private static CapPlace[] Released(CapPlace[] row, Life life) => [.. row.Where(place => place.Message != CapPlace.KeyOf(life.Id))];
}
