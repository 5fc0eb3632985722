using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Dispatch.Feedback;

/// <summary>How the ledger is fed; section `Dispatch:Feedback`.</summary>
public sealed class FeedbackOptions
{
    public const string Section = "Dispatch:Feedback";

    /// <summary>Records in one transaction of the store, 1 to 100 000. More: fewer syncs for each; fewer: sooner visible.</summary>
    [Range(1, 100_000)] public int BatchSizeMax { get; init; } = 8_000;

    /// <summary>Transactions at once, 1 to 64. What partitions of one number hold belongs to one of them, because it is mostly about the same recipients.</summary>
    [Range(1, 64)] public int Writers { get; init; } = 2;

    /// <summary>How long records may wait for others, to share a transaction of the store, while the ledger keeps up; 0 to 2 s. Statistics and the states of messages are so much late.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:02")] public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the log hears how far the store has come; its retention waits for that, nothing else does.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:10:00")] public TimeSpan CommitInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The id of a log that may be read although the store's positions belong to another one. Set by a person who knows why the log was replaced:
    /// what the old one still held is lost to the ledger.
    /// </summary>
    public string AcceptLog { get; init; } = "";
}

[OptionsValidator]
sealed partial class FeedbackOptionsValidator : IValidateOptions<FeedbackOptions>;
