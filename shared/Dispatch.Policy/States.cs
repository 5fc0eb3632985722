using Dispatch.Contracts;

namespace Dispatch.Policy;

/// <summary>
/// Where a message stands, given all that is known about it. Facts arrive late, twice and in any order (a bypass delays them by hours), so the state is the greatest fact
/// under one total order, never the last to arrive: any permutation and any repetition gives the same answer.
/// </summary>
/// <remarks>
/// A receipt beats everything: it is the only proof of what became of the message. Then that a provider took it. Then any other end. Then what is still on its way.
/// Among receipts the latest counts (a phone that was switched on, a bounce after the delivery); among other ends the first, because whatever came later was written
/// by somebody who did not know; on the way the latest, so a message that was held and then routed again is routed.
/// Source: docs/architecture.md, "The ledger and its states".
/// </remarks>
public static class States
{
    /// <summary>For sorting by what counts more: the greatest fact decides the state. Facts that leave no state (an open, a click) are the least.</summary>
    public static IComparer<Outcome> Order { get; } = Comparer<Outcome>.Create(Compare);

    /// <summary>The fact that decides; null: nothing but that it was accepted, or that somebody opened it.</summary>
    public static Outcome? Deciding(IEnumerable<Outcome> facts) => facts.Max(Order) is { } greatest && Of(greatest) != State.Unspecified ? greatest : null;

    /// <summary>The state of a message about which these facts are known.</summary>
    public static State Of(IEnumerable<Outcome> facts) => Deciding(facts) is { } fact ? Of(fact) : State.Accepted;

    /// <summary>Where this fact alone leaves the message: as its writer said, else what its kind means. Unspecified: it says nothing about it.</summary>
    public static State Of(Outcome fact) => fact.State != State.Unspecified ? fact.State : fact.Kind switch
    {
        OutcomeKind.Routed => State.Routed,
        OutcomeKind.Held => State.Held,
        OutcomeKind.Attempted => fact.Verdict switch
        {
            Verdict.Accepted => State.Sent,
            Verdict.Rejected => State.Failed,
            _ => State.Sending,
        },
        OutcomeKind.Delivered => State.Delivered,
        OutcomeKind.Undelivered => State.Undelivered,
        OutcomeKind.Bounced => State.Bounced,
        OutcomeKind.Capped => State.Capped,
        OutcomeKind.Suppressed => State.Suppressed,
        OutcomeKind.Expired => State.Expired,
        OutcomeKind.Cancelled => State.Cancelled,
        OutcomeKind.Duplicate => State.Duplicate,
        OutcomeKind.Quarantined => State.Quarantined,
        OutcomeKind.Doubted => State.InDoubt,
        OutcomeKind.Failed => State.Failed,
        _ => State.Unspecified,
    };

    /// <summary>Nothing more is owed. `sent` is final until better is known.</summary>
    public static bool IsFinal(State state) => RankOf(state) >= Rank.Ended;

    /// <summary>A provider has it, or had it.</summary>
    public static bool WasTaken(State state) => RankOf(state) >= Rank.Taken;

    private static int Compare(Outcome left, Outcome right)
    {
        var (leftState, rightState) = (Of(left), Of(right));
        var rank = RankOf(leftState);
        var order = rank.CompareTo(RankOf(rightState));
        if (order == 0)
        {
            order = rank is Rank.Ended or Rank.Taken ? right.At.CompareTo(left.At) : left.At.CompareTo(right.At);
        }

        // In the same millisecond: a state's number grows along the path. What follows only makes the order total, so that reasons, too, do not depend on arrival.
        order = order != 0 ? order : leftState.CompareTo(rightState);
        order = order != 0 ? order : left.AttemptEpoch.CompareTo(right.AttemptEpoch);
        order = order != 0 ? order : left.Attempt.CompareTo(right.Attempt);
        order = order != 0 ? order : left.Kind.CompareTo(right.Kind);
        order = order != 0 ? order : string.CompareOrdinal(left.SourceId, right.SourceId);
        return order != 0 ? order : string.CompareOrdinal(left.Reason, right.Reason);
    }

    private static Rank RankOf(State state) => state switch
    {
        State.Delivered or State.Undelivered or State.Bounced => Rank.Receipt,
        State.Sent => Rank.Taken,
        State.Failed or State.Capped or State.Suppressed or State.Expired or State.Cancelled or State.Duplicate => Rank.Ended,
        State.Accepted or State.Routed or State.Held or State.Sending or State.Quarantined or State.InDoubt => Rank.OnTheWay,
        _ => Rank.None, // a state that somebody newer knows about: it decides nothing here
    };

    private enum Rank
    {
        None,
        OnTheWay,
        Ended,
        Taken,
        Receipt,
    }
}
