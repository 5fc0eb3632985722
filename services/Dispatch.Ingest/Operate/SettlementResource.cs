using System.Buffers.Binary;
using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Reads;
using Dispatch.Store;

namespace Dispatch.Ingest.Operate;

/// <summary>The books: accepted is the sum over all states, every message in one.</summary>
/// <param name="Balanced">In every line, and nothing that only outcomes speak of.</param>
/// <param name="Overdue">What sits in a state longer than it should, oldest first; the page's worth of it.</param>
sealed record SettlementAnswer(
    DateTimeOffset From, DateTimeOffset Until, bool Balanced, long Accepted, IReadOnlyDictionary<string, long> States, IReadOnlyList<SettlementLineAnswer> Lines,
    IReadOnlyList<OverdueAnswer> Overdue, string? NextCursor);

/// <param name="Unexpected">Messages that only outcomes speak of: their request has not been read yet, or was lost.</param>
sealed record SettlementLineAnswer(
    string Tenant, string Class, string Channel, long Accepted, IReadOnlyDictionary<string, long> States, long Unexpected, bool Balanced);

/// <param name="Since">Since when it is in this state.</param>
sealed record OverdueAnswer(
    string MessageId, string Tenant, string Class, string Channel, string State, DateTimeOffset Since, DateTimeOffset? ExpiresAt, string? Reason);

/// <summary>`GET /v1/operate/settlement`: proves that nothing was silently lost, or names what was.</summary>
sealed class SettlementResource(Settlement settlement, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Every day is a partition that is read.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(62);

    public static readonly IReadOnlyList<Parameter> Parameters =
    [
        new("from", "Accepted in this minute or later; default: a day ago."), new("until", "Accepted before this minute; default: now."), new("tenant", "One tenant's."),
        new("class", "One class."), new("channel", "One channel."), new("patience_seconds", "How long a message may be on its way without anything happening; default 300."),
        .. Parameter.Paging,
    ];

    public async Task ReportAsync(Call call)
    {
        var query = new Query(call.Http, Parameters);
        var until = query.Time("until") ?? clock.GetUtcNow().AddMinutes(1);
        var from = query.Time("from") ?? until.AddDays(-1);
        if (from >= until || until - from > Longest)
        {
            query.Fault("from", "out_of_range", $"must lie before until, by {Longest.TotalDays:0} days at most");
        }

        var scope = new SettlementScope(from, until, query.Text("tenant"), query.Class(), query.Channel());
        var (patience, cursor, pageSize) = (PatienceOf(query), query.Cursor(sizeof(long) + Id.Size), query.PageSize());
        query.Check();
        var lines = (await settlement.ReportAsync(scope, call.Aborted)).Select(Line).ToList();
        var overdue = await settlement.OverdueAsync(scope, patience, cursor is null ? null : Last(cursor), pageSize + 1, call.Aborted);
        var page = Page.Of(overdue, pageSize, Late, CursorOf);
        var states = lines.SelectMany(it => it.States).GroupBy(it => it.Key).ToDictionary(it => it.Key, it => it.Sum(one => one.Value));
        var answer = new SettlementAnswer(from, until, lines.TrueForAll(it => it.Balanced), lines.Sum(it => it.Accepted), states, lines, page.Items, page.NextCursor);
        await Answer.JsonAsync(call.Http, 200, answer, WireJson.Default.SettlementAnswer);
    }

    private static TimeSpan PatienceOf(Query query)
    {
        if (query.Text("patience_seconds") is not { } text)
        {
            return Patience;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0 and <= 86_400)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        query.Fault("patience_seconds", "out_of_range", "must be from 0 to 86400");
        return Patience;
    }

    private static SettlementLineAnswer Line(SettlementLine line) => new(
        line.Tenant, Topics.Name(line.Class), Topics.Name(line.Channel), line.Accepted, line.States.ToDictionary(it => Words.Of(it.Key), it => it.Value), line.Unexpected,
        line.Balanced && line.Unexpected == 0);

    private static OverdueAnswer Late(Overdue it) => new(
        it.MessageId.ToText(IdPrefix.Message), it.Tenant, Topics.Name(it.Class), Topics.Name(it.Channel), Words.Of(it.State), it.StateAt, it.ExpiresAt, Words.Given(it.Reason));

    private static byte[] CursorOf(Overdue it)
    {
        var cursor = new byte[sizeof(long) + Id.Size];
        BinaryPrimitives.WriteInt64BigEndian(cursor, it.StateAt.UtcTicks);
        it.MessageId.ToBytes().CopyTo(cursor, sizeof(long));
        return cursor;
    }

    private static Overdue Last(byte[] cursor)
    {
        var ticks = Math.Clamp(BinaryPrimitives.ReadInt64BigEndian(cursor), DateTimeOffset.MinValue.Ticks, DateTimeOffset.MaxValue.Ticks);
        return new Overdue(Id.From(cursor.AsSpan(sizeof(long))), "", default, default, default, new DateTimeOffset(ticks, TimeSpan.Zero), null, "", true);
    }
}
