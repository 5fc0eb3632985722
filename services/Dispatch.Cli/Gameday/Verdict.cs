namespace Dispatch.Cli.Gameday;

/// <summary>A message that a caller was promised.</summary>
/// <param name="Counts">Whether the cap's classes name its class.</param>
public sealed record Promised(string MessageId, string Recipient, bool Counts);

/// <summary>What Dispatch says became of it.</summary>
/// <param name="CapsChecked">false: the rule's owner chose to send while the ledger was away, and the message says so.</param>
public sealed record Ended(string State, bool CapsChecked);

/// <summary>
/// The invariants of a game day, from three logs that know nothing of one another: what was promised, what the providers received, what Dispatch says.
/// Source: docs/architecture.md, "What is proven". Pure.
/// </summary>
public sealed record Verdict
{
    public static readonly IReadOnlyList<string> FinalStates =
        ["sent", "delivered", "undelivered", "bounced", "failed", "capped", "suppressed", "expired", "cancelled", "duplicate"];

    public static readonly IReadOnlyList<string> OpenStates = ["accepted", "routed", "held", "sending", "quarantined", "in_doubt"];

    private static readonly HashSet<string> SentStates = ["sent", "delivered", "undelivered", "bounced"];

    public required int Accepted { get; init; }

    /// <summary>Every state by name, with the number of messages in it.</summary>
    public required IReadOnlyDictionary<string, int> States { get; init; }

    /// <summary>Promised, and now unknown; or said to be sent, and no provider has it.</summary>
    public required IReadOnlyList<string> Lost { get; init; }

    /// <summary>Not at an end: neither final, nor listed as quarantined or in doubt.</summary>
    public required int Unsettled { get; init; }

    /// <summary>Taken more than once by providers, though every earlier copy had been answered.</summary>
    public required IReadOnlyList<string> Duplicates { get; init; }

    /// <summary>Taken more than once because a request to a provider was not answered, or its process died: what invariant I2 allows, counted.</summary>
    public required int Repeats { get; init; }

    /// <summary>Recipients who got more than the cap within a window, each with the messages beyond it.</summary>
    public required int CapViolations { get; init; }

    /// <param name="inFlightWindow">How many messages may be doubled because a dispatcher died with them in flight; 0 when none died.</param>
    public static Verdict Of(
        IReadOnlyCollection<Promised> promised, IReadOnlyDictionary<string, Ended> ended, IReadOnlyCollection<Receipt> receipts,
        int capLimit, TimeSpan capWindow, int inFlightWindow = 0)
    {
        var taken = receipts.Where(it => it.Accepted).GroupBy(it => it.MessageId).ToDictionary(it => it.Key, it => it.OrderBy(one => one.At).ToList());
        var twice = promised.Where(it => taken.TryGetValue(it.MessageId, out var copies) && copies.Count > 1).Select(it => it.MessageId).ToList();
        var answered = twice.Where(id => taken[id].SkipLast(1).Any(copy => copy.Answered)).ToList();
        return new Verdict
        {
            Accepted = promised.Count,
            States = FinalStates.Concat(OpenStates).ToDictionary(
                state => state, state => promised.Count(it => ended.TryGetValue(it.MessageId, out var end) && end.State == state)),
            Lost = [.. promised.Where(it => !ended.TryGetValue(it.MessageId, out var end) || (SentStates.Contains(end.State) && !taken.ContainsKey(it.MessageId)))
                .Select(it => it.MessageId)],
            Unsettled = promised.Count(it => ended.TryGetValue(it.MessageId, out var end) && end.State is "accepted" or "routed" or "held" or "sending"),
            Duplicates = answered.Count > inFlightWindow ? answered : [],
            Repeats = twice.Count,
            CapViolations = promised.Where(it => it.Counts && ended.TryGetValue(it.MessageId, out var end) && end.CapsChecked && taken.ContainsKey(it.MessageId))
                .GroupBy(it => it.Recipient)
                .Sum(of => Beyond([.. of.Select(it => taken[it.MessageId][0].At).Order()], capLimit, capWindow)),
        };
    }

    public bool Holds => Lost.Count == 0 && Unsettled == 0 && Duplicates.Count == 0 && CapViolations == 0;

    /// <summary>How many of these moments have at least <paramref name="limit"/> others within the window before them.</summary>
    private static int Beyond(List<DateTimeOffset> moments, int limit, TimeSpan window) =>
        moments.Where((at, i) => i >= limit && at - moments[i - limit] < window).Count();
}
