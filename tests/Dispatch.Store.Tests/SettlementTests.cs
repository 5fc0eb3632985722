using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Testing;
using static Dispatch.Store.Tests.LedgerStories;

namespace Dispatch.Store.Tests;

public sealed class SettlementTests : IAsyncLifetime
{
    private static readonly SettlementScope Day = new(Noon.AddHours(-1), Noon.AddHours(1));
    private TestDatabase database = null!;
    private Ledger ledger = null!;

    public async Task InitializeAsync()
    {
        database = await PostgresServer.CreateDatabaseAsync();
        ledger = Ledger(database);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Accepted_is_the_sum_over_all_states()
    {
        var (many, other, stray) = (Request(messages: 4, labels: ["a", "b"]), Request("other", of: TrafficClass.Transactional), Request());
        await ApplyAsync(many, many.Routed(1, 0), many.Attempted(2, message: 1), many.Outcome(OutcomeKind.Capped, 2, 2), other, stray.Routed());

        var lines = await At(Noon).ReportAsync(Day, default);
        lines.Count.ShouldBe(2);
        lines[0].Tenant.ShouldBe("acme");
        lines[0].Accepted.ShouldBe(4);
        lines[0].States.ShouldBe(new Dictionary<State, long> { [State.Accepted] = 1, [State.Routed] = 1, [State.Sent] = 1, [State.Capped] = 1 }, ignoreOrder: true);
        lines[0].Unexpected.ShouldBe(1, "nobody has read its request");
        lines.ShouldAllBe(line => line.Balanced);
        (await At(Noon).ReportAsync(Day with { Tenant = "other", Class = TrafficClass.Transactional, Channel = Channel.Push }, default)).Single().Accepted.ShouldBe(1);
        (await At(Noon).ReportAsync(Day with { Channel = Channel.Sms }, default)).ShouldBeEmpty();
        (await At(Noon).ReportAsync(Day with { From = Noon.AddMinutes(1) }, default)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_row_that_went_missing_shows()
    {
        await ApplyAsync(Request(messages: 2));
        await database.ExecuteAsync("delete from messages where message_id = (select message_id from messages limit 1)");
        (await At(Noon).ReportAsync(Day, default)).Single().Balanced.ShouldBeFalse();
        await database.ExecuteAsync("delete from messages");
        (await At(Noon).ReportAsync(Day, default)).Single().Balanced.ShouldBeFalse();
    }

    [Fact]
    public async Task What_sits_too_long_is_named_page_by_page()
    {
        var (routed, held, doubted, sent) = (Request(), Request(), Request(), Request());
        await ApplyAsync(routed, held, doubted, sent, routed.Routed(1), held.Held(2), doubted.Outcome(OutcomeKind.Doubted, 3), sent.Attempted(4));

        (await OverdueAsync(At(Noon.AddMinutes(1)))).ShouldBe([doubted.MessageId()], "a person decides");
        (await OverdueAsync(At(Noon.AddMinutes(30)))).ShouldBe([routed.MessageId(), doubted.MessageId()]);
        (await OverdueAsync(At(Noon.AddHours(2)))).ShouldBe([routed.MessageId(), held.MessageId(), doubted.MessageId()], "a hold ends when the message expires");
    }

    private static async Task<List<Id>> OverdueAsync(Settlement settlement)
    {
        var found = new List<Id>();
        Overdue? last = null;
        do
        {
            var page = await settlement.OverdueAsync(Day, TimeSpan.FromMinutes(15), last, 1, default);
            last = page.LastOrDefault();
            found.AddRange(page.Select(it => it.MessageId));
        }
        while (last is not null);
        return found;
    }

    private Settlement At(DateTimeOffset now) => new(database.Database, new StandingClock(now));

    private Task<LedgerResult> ApplyAsync(params object[] records) => ledger.ApplyAsync("feedback", Batch(records), default);

    private sealed class StandingClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
