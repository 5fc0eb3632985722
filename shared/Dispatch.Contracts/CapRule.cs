using System.Collections.Immutable;

namespace Dispatch.Contracts;

/// <summary>Which messages a cap counts.</summary>
public enum CapKind
{
    /// <summary>All messages of the classes that it names.</summary>
    Global = 0,

    /// <summary>Those that carry a label.</summary>
    Label = 1,

    /// <summary>Those of one automation: the request's campaign, in class automation.</summary>
    Automation = 2,
}

/// <summary>At most <see cref="Limit"/> messages in any rolling <see cref="Window"/> for one recipient, over all channels.</summary>
/// <param name="Number">Stands for the rule in the ledger's places; given by the store, never used twice.</param>
/// <param name="Subject">The label or the automation; empty for <see cref="CapKind.Global"/>.</param>
/// <param name="Classes">At least one.</param>
/// <param name="Limit">1 to <see cref="LimitMax"/>: each place takes 16 bytes of its recipient's row.</param>
/// <param name="Window">A second to <see cref="WindowMax"/>.</param>
public sealed record CapRule(
    int Number, Id Id, string Tenant, CapKind Kind, string Subject, ImmutableArray<TrafficClass> Classes, int Limit, TimeSpan Window)
{
    public const int LimitMax = 1_000;
    public static readonly TimeSpan WindowMin = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan WindowMax = TimeSpan.FromDays(366);

    public bool Counts(string tenant, TrafficClass of, IReadOnlyCollection<string> labels, string campaign) =>
        Tenant == tenant && Classes.Contains(of) && Kind switch
        {
            CapKind.Global => true,
            CapKind.Label => labels.Contains(Subject),
            CapKind.Automation => of == TrafficClass.Automation && campaign == Subject,
            _ => false,
        };
}
