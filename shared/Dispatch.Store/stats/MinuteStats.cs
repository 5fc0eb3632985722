using System.Runtime.InteropServices;
using Dispatch.Contracts;
using Npgsql;

namespace Dispatch.Store;

/// <summary>The words of `stats.kind`.</summary>
public static class StatKinds
{
    /// <summary>A message was promised to a caller.</summary>
    public const string Accepted = "accepted";

    /// <summary>Attempts by verdict; `attempt_accepted` is what providers count as receipts.</summary>
    public const string AttemptAccepted = "attempt_accepted";
    public const string AttemptRetry = "attempt_retry";
    public const string AttemptRejected = "attempt_rejected";
    public const string AttemptUnknown = "attempt_unknown";

    /// <summary>Before the name of an event that the SDK or the app made up.</summary>
    public const string EventPrefix = "event.";

    private const int EventNameMax = 64;

    public static string Of(Outcome fact) => fact.Kind switch
    {
        OutcomeKind.Attempted => fact.Verdict switch
        {
            Verdict.Accepted => AttemptAccepted,
            Verdict.Retry => AttemptRetry,
            Verdict.Rejected => AttemptRejected,
            _ => AttemptUnknown,
        },
        OutcomeKind.Routed => "routed",
        OutcomeKind.Held => "held",
        OutcomeKind.Delivered => "delivered",
        OutcomeKind.Undelivered => "undelivered",
        OutcomeKind.Bounced => "bounced",
        OutcomeKind.Capped => "capped",
        OutcomeKind.Suppressed => "suppressed",
        OutcomeKind.Expired => "expired",
        OutcomeKind.Cancelled => "cancelled",
        OutcomeKind.Duplicate => "duplicate",
        OutcomeKind.Quarantined => "quarantined",
        OutcomeKind.Doubted => "in_doubt",
        OutcomeKind.Failed => "failed",
        OutcomeKind.Opened => "opened",
        OutcomeKind.Clicked => "clicked",
        OutcomeKind.Displayed => "displayed",
        OutcomeKind.Complained => "complained",
        OutcomeKind.Unsubscribed => "unsubscribed",
        _ => "other",
    };

    public static string Of(Event happened) => Engagement(happened) switch
    {
        OutcomeKind.Opened => "opened",
        OutcomeKind.Clicked => "clicked",
        OutcomeKind.Displayed => "displayed",
        _ => EventPrefix + (happened.Name.Length <= EventNameMax ? happened.Name : happened.Name[..EventNameMax]),
    };

    /// <summary>What an SDK event says about a message; null: nothing.</summary>
    public static OutcomeKind? Engagement(Event happened) => happened.Name switch
    {
        "opened" or "open" => OutcomeKind.Opened,
        "clicked" or "click" => OutcomeKind.Clicked,
        "displayed" or "display" => OutcomeKind.Displayed,
        _ => null,
    };
}

/// <summary>Counts of one batch by minute, folded before the store hears of them.</summary>
sealed class MinuteStats
{
    private readonly Dictionary<Bucket, (long Count, long Segments)> _buckets = [];

    public void Add(Promise promise, string kind, string provider, DateTime at, int segments)
    {
        var minute = new DateTime(at.Ticks - (at.Ticks % TimeSpan.TicksPerMinute), DateTimeKind.Utc);
        Add(new Bucket(promise.Tenant, minute, kind, (short)promise.Channel, (short)promise.Class, "", promise.Campaign, provider), segments);
        foreach (var label in promise.Labels)
        {
            Add(new Bucket(promise.Tenant, minute, kind, (short)promise.Channel, (short)promise.Class, label, promise.Campaign, provider), segments);
        }
    }

    public IEnumerable<DateOnly> Days => _buckets.Keys.Select(bucket => DateOnly.FromDateTime(bucket.Minute)).Distinct();

    public async Task WriteAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken stop)
    {
        if (_buckets.Count == 0)
        {
            return;
        }

        var rows = _buckets.OrderBy(bucket => bucket.Key).ToArray();
        await connection.Statement("stats/add", transaction)
            .Add([.. rows.Select(row => row.Key.Minute)])
            .Add([.. rows.Select(row => row.Key.Tenant)])
            .Add([.. rows.Select(row => row.Key.Campaign)])
            .Add([.. rows.Select(row => row.Key.Label)])
            .Add([.. rows.Select(row => row.Key.Channel)])
            .Add([.. rows.Select(row => row.Key.Provider)])
            .Add([.. rows.Select(row => row.Key.Class)])
            .Add([.. rows.Select(row => row.Key.Kind)])
            .Add([.. rows.Select(row => row.Value.Count)])
            .Add([.. rows.Select(row => row.Value.Segments)])
            .ExecuteAsync(stop);
    }

    private void Add(Bucket bucket, int segments)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_buckets, bucket, out _);
        sum = (sum.Count + 1, sum.Segments + segments);
    }

    private readonly record struct Bucket(string Tenant, DateTime Minute, string Kind, short Channel, short Class, string Label, string Campaign, string Provider)
        : IComparable<Bucket>
    {
        public int CompareTo(Bucket other)
        {
            var order = string.CompareOrdinal(Tenant, other.Tenant);
            order = order != 0 ? order : Minute.CompareTo(other.Minute);
            order = order != 0 ? order : string.CompareOrdinal(Kind, other.Kind);
            order = order != 0 ? order : Channel.CompareTo(other.Channel);
            order = order != 0 ? order : Class.CompareTo(other.Class);
            order = order != 0 ? order : string.CompareOrdinal(Label, other.Label);
            order = order != 0 ? order : string.CompareOrdinal(Campaign, other.Campaign);
            return order != 0 ? order : string.CompareOrdinal(Provider, other.Provider);
        }
    }
}
