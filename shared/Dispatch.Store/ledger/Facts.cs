using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Store;

/// <summary>What makes two facts about one message the same fact, however often it is told.</summary>
readonly record struct FactKey(OutcomeKind Kind, ulong Epoch, uint Attempt, string SourceId, long At)
{
    /// <summary>
    /// An attempt counts once by its number, a receipt once by the provider's id. A message can be routed, held, doubted and quarantined again,
    /// which only the time tells apart; a record that is read twice has the same time.
    /// </summary>
    public static FactKey Of(Outcome fact) => new(fact.Kind, fact.AttemptEpoch, fact.Attempt, fact.SourceId, MayHappenAgain(fact.Kind) ? fact.At : 0);

    private static bool MayHappenAgain(OutcomeKind kind) => kind is OutcomeKind.Routed or OutcomeKind.Held or OutcomeKind.Doubted or OutcomeKind.Quarantined;
}

/// <summary>The ledger row's memory: a serialised <see cref="Timeline"/>. Its facts leave out what the row says once for all of them.</summary>
static class Facts
{
    /// <summary>More than any message has in good order; beyond it opens and clicks are not remembered, and so not counted, any more.</summary>
    public const int EngagementsMax = 200;

    /// <summary>Turns an outcome into a fact of a timeline; the outcome is not used as such afterwards.</summary>
    public static Outcome Strip(Outcome outcome)
    {
        outcome.MessageId = ByteString.Empty;
        outcome.RequestId = ByteString.Empty;
        outcome.RecipientKey = ByteString.Empty;
        outcome.Tenant = "";
        outcome.Campaign = "";
        outcome.Labels.Clear();
        outcome.Class = TrafficClass.Unspecified;
        outcome.Channel = Channel.Unspecified;
        outcome.Day = 0;
        outcome.AcceptedAt = 0;
        return outcome;
    }

    public static IReadOnlyList<Outcome> Read(byte[] timeline) => timeline.Length == 0 ? [] : Timeline.Parser.ParseFrom(timeline).Facts;

    /// <summary>A protobuf list grows by appending.</summary>
    public static byte[] Append(byte[] timeline, IReadOnlyList<Outcome> learnt)
    {
        var more = new Timeline { Facts = { learnt } };
        var grown = new byte[timeline.Length + more.CalculateSize()];
        timeline.CopyTo(grown, 0);
        more.WriteTo(grown.AsSpan(timeline.Length));
        return grown;
    }

    public static bool IsEngagement(OutcomeKind kind) => kind is OutcomeKind.Opened or OutcomeKind.Clicked or OutcomeKind.Displayed;
}
