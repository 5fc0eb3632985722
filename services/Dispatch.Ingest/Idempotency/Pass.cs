namespace Dispatch.Ingest.Idempotency;

enum PassKind
{
    /// <summary>Nobody was here with this key, as far as can be known.</summary>
    Fresh,

    /// <summary>Somebody was, and did not finish: go on with the same ids.</summary>
    TakenOver,

    /// <summary>The first answer is to be given again.</summary>
    Replay,

    /// <summary>The first call is still at work.</summary>
    Running,

    /// <summary>The key stands for another body.</summary>
    Conflict,
}

/// <summary>What the door says to one call. Whoever goes through (fresh or taken over) tells the door how it ended.</summary>
/// <param name="FirstAt">The first accept under the key: ids are derived from its day.</param>
/// <param name="RepeatSince">Not null: an equal request may be in the log already, from this time on.</param>
/// <param name="Deferred">The store could not be asked.</param>
/// <param name="Answer">The first answer, where it does not follow from the body.</param>
readonly record struct Pass(PassKind Kind, DateTimeOffset FirstAt, DateTimeOffset? RepeatSince = null, bool Deferred = false, StoredAnswer? Answer = null)
{
    /// <summary>Null: the call came without a key.</summary>
    public HeldKey? Held { get; init; }

    public bool GoesThrough => Kind is PassKind.Fresh or PassKind.TakenOver;
}

sealed record StoredAnswer(short Status, byte[] Body);

/// <summary>A key while its call is at work, and afterwards as long as memory lasts.</summary>
sealed class HeldKey(Guid key, Guid body, DateTimeOffset firstAt)
{
    /// <summary>Memory is bounded in keys, so what it holds of each is small; the store has the rest.</summary>
    private const int AnswerBytesKept = 1_024;

    private volatile bool _settled;
    private volatile bool _answerStored;
    private volatile StoredAnswer? _answer;

    public Guid Key => key;

    public Guid Body => body;

    public DateTimeOffset FirstAt { get; set; } = firstAt;

    /// <summary>Once it is through, its call takes microseconds until it waits again: it may go on where its neighbours do.</summary>
    public bool IsBrief { get; init; }

    /// <summary>What it was claimed by; null: the store was not asked.</summary>
    public Claim? Claim { get; set; }

    public StoredAnswer? Answer => _answer;

    /// <summary>There was an answer, and the store alone has it.</summary>
    public bool IsAnswerStored => _answerStored;

    public bool IsSettled => _settled;

    /// <summary>One that ended well, with an answer that follows from the body.</summary>
    public static HeldKey Settled(Guid key, Guid body, DateTimeOffset firstAt)
    {
        var held = new HeldKey(key, body, firstAt);
        held.Settle(null);
        return held;
    }

    public void Settle(StoredAnswer? answer)
    {
        _answer = answer;
        _settled = true;
    }

    /// <summary>The store has the answer.</summary>
    public void AnswerIsStored()
    {
        if (_answer is { Body.Length: > AnswerBytesKept })
        {
            _answerStored = true; // first: who finds no answer looks here
            _answer = null;
        }
    }
}

/// <summary>The keys that one statement claimed. When all of them went well, one row settles the group.</summary>
sealed class Claim(int members)
{
    private readonly List<HeldKey> _apart = [];
    private int _open = members;
    private bool _broken;

    public Guid Id { get; } = Guid.CreateVersion7();

    /// <summary>A key whose call was made durable.</summary>
    /// <returns>What is to be written: true: the claim as a whole; and keys that must be settled one by one, because a neighbour failed.</returns>
    public (bool Whole, IReadOnlyList<HeldKey> Apart) Leave(HeldKey held, bool well)
    {
        lock (_apart)
        {
            _broken |= !well;
            if (well)
            {
                _apart.Add(held);
            }

            return --_open > 0 ? (false, []) : _broken ? (false, _apart) : (true, []);
        }
    }
}
