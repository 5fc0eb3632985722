using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Store.Queries;

namespace Dispatch.Ingest.Reads;

/// <summary>`GET /v1/stats`: counts by time, and rates that leave out what was blind, because half the facts make a wrong rate.</summary>
sealed class ReadStats(StatQueries stats, TimeProvider clock)
{
    private const string Sent = "sent";

    /// <summary>The store counts attempts; to a caller, an attempt that a provider took is what it calls sent.</summary>
    private const string AttemptAccepted = "attempt_accepted";

    private static readonly string[] Dimensions = ["channel", "class", "provider", "label", "campaign", "kind"];

    private static readonly IReadOnlyList<(string Word, StatBucket Value)> Buckets = [("minute", StatBucket.Minute), ("hour", StatBucket.Hour), ("day", StatBucket.Day)];

    public static readonly IReadOnlyList<Parameter> Parameters =
    [
        new("from", "Beginning; default: an hour, a day or 30 days ago, by the bucket."), new("until", "End; default: now."), new("bucket", "minute, hour or day."),
        new("by", $"Some of {string.Join(", ", Dimensions)}, separated by commas."), new("label", "Only what carries it."), new("campaign", "Only this one."),
        new("channel", "Only this one."), new("class", "Only this one."), new("provider", "Only this one."),
    ];

    public async Task StatsAsync(Call call)
    {
        var filter = Read(call);
        var rows = await stats.CountAsync(filter, call.Aborted);
        var blind = await stats.BlindAsync(filter.From, filter.Until, call.Aborted);
        var items = rows.ConvertAll(row => Item(row, IsBlind(row.At, filter.Bucket, blind)));
        var answer = new StatsAnswer(
            filter.From, filter.Until, Buckets.First(it => it.Value == filter.Bucket).Word, items, Rates(items), [.. blind.Select(ReadMessages.Blind)],
            rows.Count == StatQueries.RowsMax ? true : null);
        await Answer.JsonAsync(call.Http, 200, answer, WireJson.Default.StatsAnswer);
    }

    private StatFilter Read(Call call)
    {
        var query = new Query(call.Http, Parameters);
        var bucket = query.Choice("bucket", Buckets) ?? StatBucket.Hour;
        var until = query.Time("until") ?? clock.GetUtcNow().AddMinutes(1);
        var (usual, longest) = bucket switch
        {
            StatBucket.Minute => (TimeSpan.FromHours(1), TimeSpan.FromDays(2)),
            StatBucket.Hour => (TimeSpan.FromDays(1), TimeSpan.FromDays(62)),
            _ => (TimeSpan.FromDays(30), TimeSpan.FromDays(366)),
        };
        var from = query.Time("from") ?? until - usual;
        if (from >= until || until - from > longest)
        {
            query.Fault("from", "out_of_range", $"must lie before until, by {longest.TotalDays:0} days at most with this bucket");
        }

        var by = query.Words("by", Dimensions);
        var filter = new StatFilter(
            call.Tenant, from, until, bucket, by, query.Text("label"), query.Text("campaign"), query.Channel(), query.Class(), query.Text("provider"));
        query.Check();
        return filter;
    }

    private static StatAnswer Item(StatRow row, bool blind) => new(
        row.At, row.Kind == AttemptAccepted ? Sent : row.Kind, row.Channel is { } channel ? Topics.Name(channel) : null, row.Class is { } of ? Topics.Name(of) : null,
        row.Provider, row.Label, row.Campaign, row.Count, row.Segments == 0 ? null : row.Segments, blind ? true : null);

    private static bool IsBlind(DateTimeOffset at, StatBucket bucket, List<BlindWindow> windows)
    {
        var end = bucket switch { StatBucket.Minute => at.AddMinutes(1), StatBucket.Hour => at.AddHours(1), _ => at.AddDays(1) };
        return windows.Exists(window => window.From < end && (window.Until is null || window.Until > at));
    }

    private static List<RateAnswer> Rates(List<StatAnswer> items) =>
    [
        .. items.Where(it => it.Blind is null).GroupBy(it => (it.Channel, it.Class, it.Provider, it.Label, it.Campaign)).Select(group =>
        {
            long Sum(string kind) => group.Where(it => it.Kind == kind).Sum(it => it.Count);
            var sent = Sum(Sent);
            double? Rate(string kind) => sent == 0 ? null : Math.Round((double)Sum(kind) / sent, 4);
            var (channel, of, provider, label, campaign) = group.Key;
            return new RateAnswer(channel, of, provider, label, campaign, sent, Rate("delivered"), Rate("bounced"), Rate("opened"), Rate("clicked"));
        }),
    ];
}
