using Dispatch.Contracts;

namespace Dispatch.Store;

/// <summary>What the store knows about a message already.</summary>
sealed record Known(Promise Promise, bool Expected, byte[] Timeline);

/// <summary>One ledger row as it is to be written, and what is new about it.</summary>
sealed class LedgerRow
{
    private readonly Outcome? _deciding; // null: nothing is known but that it was accepted
    private readonly Outcome? _lastAttempt;

    private LedgerRow(
        Id id, Known? before, Promise promise, bool expected, byte[] timeline, IReadOnlyList<Outcome> facts, IReadOnlyList<Outcome> toCount, IComparer<Outcome> order)
    {
        Id = id;
        IsNew = before is null;
        Promise = promise;
        BecomesKnown = before is not null && promise.IsKnown && !before.Promise.IsKnown;
        Expected = expected;
        NewlyExpected = expected && before?.Expected != true;
        Timeline = timeline;
        _deciding = facts.Max(order) is { State: not State.Unspecified } greatest ? greatest : null;
        ToCount = toCount;
        foreach (var fact in facts)
        {
            Attempts += fact.Kind == OutcomeKind.Attempted ? 1 : 0;
            Segments += (int)fact.Segments;
            CapCheck = fact.CapCheck > CapCheck ? fact.CapCheck : CapCheck;
            MayHaveLeft |= fact.Verdict is Verdict.Accepted or Verdict.Unknown;
            if (fact.Provider.Length > 0 && (_lastAttempt is null || OrderOf(fact).CompareTo(OrderOf(_lastAttempt)) >= 0))
            {
                _lastAttempt = fact;
            }
        }
    }

    public Id Id { get; }

    public bool IsNew { get; }

    public Promise Promise { get; }

    /// <summary>The row is there, and only now somebody says whose it is.</summary>
    public bool BecomesKnown { get; }

    public bool Expected { get; }

    /// <summary>Its request was read just now.</summary>
    public bool NewlyExpected { get; }

    public byte[] Timeline { get; }

    public State State => _deciding?.State ?? State.Accepted;

    public DateTime StateAt => _deciding is null ? Promise.AcceptedAt : Promise.Time(_deciding.At);

    /// <summary>Of the fact that decided the state.</summary>
    public string Reason => _deciding?.Reason ?? "";

    public string Provider => _lastAttempt?.Provider ?? "";

    public string Lane => _lastAttempt?.Lane ?? "";

    /// <summary>Facts whose effects (statistics, releases, suppressions) are due now: each once in the life of the row, when it is learnt and it is known whose it is.</summary>
    public IReadOnlyList<Outcome> ToCount { get; }

    public int Attempts { get; }

    public int Segments { get; }

    public CapCheck CapCheck { get; }

    /// <summary>Some attempt was taken, or nobody knows: nothing may be given back.</summary>
    public bool MayHaveLeft { get; }

    /// <summary>Pure: what was known and what is told, put together.</summary>
    /// <returns>Null: nothing of it is new.</returns>
    public static LedgerRow? Merge(Id id, Known? before, MessageNews news, IComparer<Outcome> order)
    {
        var known = before is null ? [] : Facts.Read(before.Timeline);
        var learnt = Learnt(known, news.Facts);
        var becomesExpected = news.Expected && before?.Expected != true;
        var promise = before is null || (!before.Promise.IsKnown && news.Promise is { IsKnown: true }) ? news.Promise!
            : becomesExpected ? before.Promise with { ExpiresAt = news.Promise!.ExpiresAt } // outcomes do not say until when
            : before.Promise;
        var becomesKnown = promise.IsKnown && before?.Promise.IsKnown != true;
        if (learnt.Count == 0 && !becomesExpected && !becomesKnown && before is not null)
        {
            return null;
        }

        IReadOnlyList<Outcome> all = known.Count == 0 ? learnt : [.. known, .. learnt];
        var timeline = learnt.Count == 0 ? before?.Timeline ?? [] : Facts.Append(before?.Timeline ?? [], learnt);
        var toCount = !promise.IsKnown ? [] : becomesKnown ? all : learnt;
        return new LedgerRow(id, before, promise, (before?.Expected ?? false) || news.Expected, timeline, all, toCount, order);
    }

    /// <summary>An attempt goes before what a provider said about one; the last is the latest, whichever owner made it.</summary>
    private static (bool, long, ulong, uint) OrderOf(Outcome fact) => (fact.Kind == OutcomeKind.Attempted, fact.At, fact.AttemptEpoch, fact.Attempt);

    private static IReadOnlyList<Outcome> Learnt(IReadOnlyList<Outcome> known, IReadOnlyList<Outcome> told)
    {
        if (known.Count == 0)
        {
            return told;
        }

        var keys = known.Select(FactKey.Of).ToHashSet();
        var engagements = known.Count(fact => Facts.IsEngagement(fact.Kind));
        return [.. told.Where(fact => !keys.Contains(FactKey.Of(fact)) && (!Facts.IsEngagement(fact.Kind) || engagements++ < Facts.EngagementsMax))];
    }
}
