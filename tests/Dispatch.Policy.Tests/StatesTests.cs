using Dispatch.Contracts;
using FsCheck;
using FsCheck.Fluent;
using Outcome = Dispatch.Contracts.Outcome;

namespace Dispatch.Policy.Tests;

public class StatesTests
{
    private static readonly State[] All = [.. Enum.GetValues<State>().Where(state => state != State.Unspecified)];

    [Theory]
    [InlineData(State.Accepted)]
    [InlineData(State.Routed, "routed 1")]
    [InlineData(State.Sending, "routed 1", "sending 2")]
    [InlineData(State.Sending, "sending 1", "routed 1")] // the same millisecond
    [InlineData(State.Routed, "held 1", "routed 2")] // released
    [InlineData(State.Held, "routed 1", "sending 2", "held 3")]
    [InlineData(State.Routed, "held 1", "routed 2", "held 1", "routed 2")] // told twice
    [InlineData(State.Sent, "routed 1", "sending 2", "sent 3")]
    [InlineData(State.Sent, "sent 3", "routed 9")] // a clock that is ahead cannot take it back
    [InlineData(State.Delivered, "sent 3", "delivered 4")]
    [InlineData(State.Delivered, "delivered 2", "sent 3")] // the receipt was faster than the journal
    [InlineData(State.Bounced, "delivered 4", "bounced 5")]
    [InlineData(State.Delivered, "undelivered 4", "delivered 5")] // the phone was switched on
    [InlineData(State.Undelivered, "failed 1", "undelivered 5")]
    [InlineData(State.Failed, "sending 9", "failed 1")] // an end stays an end
    [InlineData(State.Sent, "failed 1", "sent 2")] // an attempt in doubt turned out to have been taken
    [InlineData(State.Sent, "expired 9", "sent 2")]
    [InlineData(State.Cancelled, "cancelled 1", "expired 2")] // the first end counts
    [InlineData(State.InDoubt, "sending 1", "indoubt 1")]
    [InlineData(State.Routed, "quarantined 1", "routed 2")] // re-driven
    public void Facts_leave_the_message(State expected, params string[] facts)
    {
        var outcomes = facts.Select(Parse).ToArray();
        States.Of(outcomes).ShouldBe(expected);
        States.Of(outcomes.Reverse()).ShouldBe(expected);
    }

    [Fact]
    public void No_order_of_arrival_and_no_repetition_changes_the_state() => Prop.ForAll(Facts.ToArbitrary(), facts =>
    {
        var expected = States.Deciding(facts);
        var shuffled = facts.Concat(facts.Where((_, index) => index % 2 == 0)).OrderBy(_ => Random.Shared.Next());
        return Equals(expected, States.Deciding(shuffled));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Learning_one_by_one_is_learning_all_at_once() => Prop.ForAll(Facts.ToArbitrary(), facts =>
    {
        Outcome? deciding = null;
        foreach (var fact in facts)
        {
            deciding = States.Deciding(deciding is null ? [fact] : [deciding, fact]);
        }

        return Equals(States.Deciding(facts), deciding);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_end_never_goes_back() => Prop.ForAll(Facts.ToArbitrary(), Fact.ToArbitrary(), (facts, later) =>
    {
        var before = States.Of(facts);
        return !States.IsFinal(before) || (States.IsFinal(States.Of([.. facts, later])) && (!States.WasTaken(before) || States.WasTaken(States.Of([.. facts, later]))));
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(OutcomeKind.Attempted, Verdict.Accepted, State.Sent)]
    [InlineData(OutcomeKind.Attempted, Verdict.Retry, State.Sending)]
    [InlineData(OutcomeKind.Attempted, Verdict.Unknown, State.Sending)]
    [InlineData(OutcomeKind.Attempted, Verdict.Rejected, State.Failed)]
    [InlineData(OutcomeKind.Delivered, Verdict.Unspecified, State.Delivered)]
    [InlineData(OutcomeKind.Opened, Verdict.Unspecified, State.Unspecified)]
    [InlineData(OutcomeKind.Complained, Verdict.Unspecified, State.Unspecified)]
    public void A_fact_without_a_state_of_its_own_means_what_its_kind_means(OutcomeKind kind, Verdict verdict, State state) =>
        States.Of(new Outcome { Kind = kind, Verdict = verdict }).ShouldBe(state);

    [Fact]
    public void An_open_leaves_the_state_alone() =>
        States.Of([new Outcome { Kind = OutcomeKind.Opened, At = 9 }, new Outcome { State = State.Sent, At = 1 }]).ShouldBe(State.Sent);

    [Fact]
    public void What_is_final_is_what_the_design_says() => All.Where(States.IsFinal).ShouldBe(
    [
        State.Sent, State.Delivered, State.Undelivered, State.Bounced, State.Failed, State.Capped, State.Suppressed, State.Expired, State.Cancelled, State.Duplicate,
    ]);

    private static Gen<Outcome> Fact =>
        from state in Gen.Elements(All)
        from at in Gen.Choose(1, 5)
        from attempt in Gen.Choose(0, 3)
        select new Outcome { State = state, At = at, Attempt = (uint)attempt, Kind = OutcomeKind.Attempted, Reason = $"{attempt}" };

    private static Gen<Outcome[]> Facts => Fact.ArrayOf();

    private static Outcome Parse(string fact)
    {
        var (state, at) = (fact.Split(' ')[0], long.Parse(fact.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
        return new Outcome { State = Enum.Parse<State>(state, ignoreCase: true), At = at };
    }
}
