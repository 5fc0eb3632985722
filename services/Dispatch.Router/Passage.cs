using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Router;

/// <summary>What the Router decided about a message.</summary>
enum Fate
{
    Routed,
    Held,
    Capped,
    Suppressed,
    Expired,
    Cancelled,
    Duplicate,
    Failed,
}

/// <summary>One message on its way through the Router: it is routed unless a check says otherwise, and the first check that does has the word.</summary>
sealed class Passage(Message message, IReadOnlyList<RecordHeader> headers)
{
    public Message Message => message;

    /// <summary>As they came with the record; they go on with the message.</summary>
    public IReadOnlyList<RecordHeader> Headers => headers;

    public Fate Fate { get; private set; } = Fate.Routed;

    /// <summary>Of a fate other than <see cref="Fate.Routed"/>.</summary>
    public string Reason { get; private set; } = "";

    public bool GoesOn => Fate == Fate.Routed;

    public void End(Fate fate, string reason)
    {
        if (GoesOn)
        {
            (Fate, Reason) = (fate, reason);
        }
    }
}
