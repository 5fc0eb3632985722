using System.Collections.Immutable;

namespace Dispatch.Contracts;

/// <summary>What can be switched in an emergency, and to what. The first value of each is the normal one. Source: docs/architecture.md, "Degraded mode".</summary>
public static class Switches
{
    public const string Feedback = "feedback";
    public const string Caps = "caps";
    public const string Dispatch = "dispatch";
    public const string Ingest = "ingest";

    /// <summary>Where Ingest writes when there are several clusters: none, as configured, or a <see cref="Diversion"/>.</summary>
    public const string Divert = "divert";

    /// <summary>Nothing is diverted.</summary>
    public const string NotDiverted = "none";

    public static ImmutableDictionary<string, ImmutableArray<string>> Values { get; } = new Dictionary<string, ImmutableArray<string>>
    {
        [Feedback] = ["on", "bypass"],
        [Caps] = ["enforce", "send", "hold"],
        [Dispatch] = ["run", "pause", "drain"],
        [Ingest] = ["log", "spool"],
        [Divert] = [NotDiverted],
    }.ToImmutableDictionary();

    public static bool Takes(string @switch, string value) => Values[@switch].Contains(value) || (@switch == Divert && Diversion.TryParse(value, out _));
}

/// <summary>Where a mode holds; what is null holds for all. The scope that names more wins.</summary>
public sealed record ModeScope(Channel? Channel = null, TrafficClass? Class = null, string? Tenant = null, string? Lane = null)
{
    public int Specificity => (Channel is null ? 0 : 1) + (Class is null ? 0 : 1) + (Tenant is null ? 0 : 1) + (Lane is null ? 0 : 1);

    public bool Covers(ModeScope at) =>
        (Channel is null || Channel == at.Channel) && (Class is null || Class == at.Class)
        && (Tenant is null || Tenant == at.Tenant) && (Lane is null || Lane == at.Lane);
}

/// <summary>The setting of one switch for one scope.</summary>
/// <param name="Automatic">Set by the service that saw a fault; a person's setting for a scope that covers the same place overrides it.</param>
/// <param name="Owner">Who answers for it: a person, or the service by name.</param>
/// <param name="ExpiresAt">No switch stays on forgotten. An automatic one is renewed by its service while the fault lasts.</param>
public sealed record Mode(
    string Switch, string Value, ModeScope Scope, string Reason, string Owner, DateTimeOffset ChangedAt, DateTimeOffset ExpiresAt, bool Automatic, long Version);

/// <summary>What is switched, and what is cancelled, at one moment. Immutable: whoever holds it decides by it.</summary>
public sealed record ControlSnapshot(ImmutableArray<Mode> Modes, ImmutableHashSet<Id> CancelledRequests)
{
    public static ControlSnapshot Empty { get; } = new([], []);

    /// <summary>The mode that holds at a place: a person's before an automatic one, then the more specific, then the newer; null: the switch is in its normal position.</summary>
    public Mode? Of(string @switch, ModeScope at, DateTimeOffset now) => Modes
        .Where(mode => mode.Switch == @switch && mode.ExpiresAt > now && mode.Scope.Covers(at))
        .OrderBy(mode => mode.Automatic).ThenByDescending(mode => mode.Scope.Specificity).ThenByDescending(mode => mode.Version)
        .FirstOrDefault();

    public string ValueOf(string @switch, ModeScope at, DateTimeOffset now) => Of(@switch, at, now)?.Value ?? Switches.Values[@switch][0];
}
