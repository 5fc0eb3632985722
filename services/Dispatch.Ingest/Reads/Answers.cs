namespace Dispatch.Ingest.Reads;

/// <summary>Where a message stands.</summary>
/// <param name="State">accepted, routed, held, sending, quarantined, in_doubt; sent, delivered, undelivered, bounced, failed, capped, suppressed, expired, cancelled, duplicate.</param>
/// <param name="UpdatedAt">Since when it is in this state.</param>
/// <param name="Caps">Whether the caps were asked: no_rule, reserved, not_checked.</param>
/// <param name="Timeline">What is known about it, in the order of time; not in lists.</param>
/// <param name="Blind">Intervals in which facts about it may have stayed behind.</param>
sealed record MessageState(
    string MessageId, string? RequestId, string Class, string Channel, string State, string? Reason, DateTimeOffset AcceptedAt, DateTimeOffset UpdatedAt,
    DateTimeOffset? ExpiresAt, string? Campaign, IReadOnlyList<string>? Labels, string? Provider, string? Lane, int Attempts, int? Segments, string? Caps,
    IReadOnlyList<FactAnswer>? Timeline, IReadOnlyList<BlindAnswer>? Blind);

/// <summary>One fact of a timeline.</summary>
sealed record FactAnswer(
    DateTimeOffset At, string Kind, string? Verdict, string? Scope, string? Reason, string? Provider, string? Lane, int? Attempt, DateTimeOffset? RetryAt,
    string? ProviderMessageId);

/// <param name="Until">Absent: it is not over.</param>
sealed record BlindAnswer(DateTimeOffset From, DateTimeOffset? Until, string? Dispatcher);

/// <summary>What became of a request.</summary>
/// <param name="States">Messages by state.</param>
sealed record RequestState(string RequestId, IReadOnlyDictionary<string, long> States, IReadOnlyList<MessageState> Messages, string? NextCursor);

/// <summary>A cancellation travels like a switch: what has not been sent when it arrives is not sent.</summary>
sealed record CancelAnswer(string RequestId, string Status);

/// <summary>One count; a dimension that was not asked for is absent.</summary>
/// <param name="Blind">Facts of this bucket may be missing until they are caught up.</param>
sealed record StatAnswer(
    DateTimeOffset At, string Kind, string? Channel, string? Class, string? Provider, string? Label, string? Campaign, long Count, long? Segments, bool? Blind);

/// <summary>Rates over the buckets that are not blind; absent: nothing to divide by.</summary>
sealed record RateAnswer(
    string? Channel, string? Class, string? Provider, string? Label, string? Campaign, long Sent, double? Delivered, double? Bounced, double? Opened, double? Clicked);

sealed record StatsAnswer(
    DateTimeOffset From, DateTimeOffset Until, string Bucket, IReadOnlyList<StatAnswer> Items, IReadOnlyList<RateAnswer> Rates, IReadOnlyList<BlindAnswer> Blind, bool? Truncated);

/// <param name="Status">normal, or degraded while something is that the caller may feel.</param>
sealed record StatusAnswer(string Status, DateTimeOffset? Since, IReadOnlyList<DegradedAnswer> Degraded);

/// <param name="What">A switch with its value, or a dependency that is away.</param>
sealed record DegradedAnswer(string What, string? Value, ScopeAnswer? Scope, DateTimeOffset Since, string Why, DateTimeOffset? Until);

/// <summary>What is absent holds for all.</summary>
sealed record ScopeAnswer(string? Channel, string? Class, string? Tenant, string? Lane);
