using Dispatch.Contracts;
using Dispatch.Policy;
using Dispatch.Testing;
using Google.Protobuf;
using static Dispatch.Store.Tests.LedgerStories;

namespace Dispatch.Store.Tests;

public sealed class LedgerTests : IAsyncLifetime
{
    private const string Reader = "feedback";
    private TestDatabase database = null!;
    private Ledger ledger = null!;

    public async Task InitializeAsync()
    {
        database = await PostgresServer.CreateDatabaseAsync();
        ledger = Ledger(database);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task A_message_goes_its_way()
    {
        var request = Request(labels: ["otp", "login"]);
        await ApplyAsync(request);
        (await StateAsync(request)).ShouldBe(State.Accepted);
        await ApplyAsync(request.Routed());
        (await StateAsync(request)).ShouldBe(State.Routed);
        await ApplyAsync(request.Attempted(2, Verdict.Retry), request.Attempted(3, attempt: 2));
        (await StateAsync(request)).ShouldBe(State.Sent);
        await ApplyAsync(request.Receipt(OutcomeKind.Delivered, 4));
        (await StateAsync(request)).ShouldBe(State.Delivered);

        (await database.ScalarAsync<int>("select attempts from messages")).ShouldBe(2);
        (await database.ScalarAsync<string>("select lane from messages")).ShouldBe("apns-1");
        (await database.ScalarAsync<long>("select count(*) from outcomes where tenant = 'acme'")).ShouldBe(4);
        (await CountAsync("accepted")).ShouldBe(1);
        (await CountAsync("attempt_accepted")).ShouldBe(1);
        (await CountAsync("attempt_accepted", "login")).ShouldBe(1);
        (await CountAsync("attempt_retry", "otp")).ShouldBe(1);
        (await CountAsync("delivered")).ShouldBe(1);
        (await TimelineAsync(request)).Select(fact => fact.Kind).ShouldBe([OutcomeKind.Routed, OutcomeKind.Attempted, OutcomeKind.Attempted, OutcomeKind.Delivered]);
    }

    [Fact]
    public async Task Two_owners_first_attempts_are_two_and_the_later_is_the_last()
    {
        var request = Request();
        var earlier = request.Attempted(2, Verdict.Retry);
        (earlier.AttemptEpoch, earlier.Lane) = (9, "apns-2");

        await ApplyAsync(request, earlier, request.Attempted(3));

        (await StateAsync(request)).ShouldBe(State.Sent);
        (await database.ScalarAsync<int>("select attempts from messages")).ShouldBe(2);
        (await database.ScalarAsync<string>("select lane from messages")).ShouldBe("apns-1");
    }

    [Fact]
    public async Task Any_order_any_batches_and_any_repetition_give_the_same()
    {
        var random = new Random(4711);
        for (var round = 0; round < 25; round++)
        {
            var request = Request(tenant: $"t{round}", labels: ["a"]);
            object[] told =
            [
                request, request.Routed(1), request.Held(2), request.Routed(3), request.Attempted(4, Verdict.Retry), request.Attempted(5, Verdict.Unknown, 2),
                request.Attempted(6, Verdict.Accepted, 3), request.Receipt(OutcomeKind.Undelivered, 7, "x"), request.Receipt(OutcomeKind.Delivered, 8, "y"),
            ];
            var arriving = told.Concat(told).Concat(told).OrderBy(_ => random.Next()).ToList();
            while (arriving.Count > 0)
            {
                var size = Math.Min(arriving.Count, random.Next(1, 8));
                await ApplyAsync([.. arriving.Take(size)]);
                arriving.RemoveRange(0, size);
            }

            (await StateAsync(request)).ShouldBe(State.Delivered);
            (await database.ScalarAsync<long>($"select count(*) from outcomes where tenant = 't{round}'")).ShouldBe(told.Length - 1);
            (await database.ScalarAsync<long>($"select sum(count)::bigint from stats where tenant = 't{round}' and label = ''")).ShouldBe(told.Length);
            (await database.ScalarAsync<long>($"select sum(count)::bigint from stats where tenant = 't{round}' and label = 'a'")).ShouldBe(told.Length);
            (await database.ScalarAsync<string>($"select campaign from messages where tenant = 't{round}' and expected and attempts = 3 and labels = '{{a}}'")).ShouldBe("spring");
        }
    }

    [Fact]
    public async Task A_receipt_that_comes_first_is_counted_once_it_is_known_whose_it_is()
    {
        var request = Request();
        await ApplyAsync(request.Receipt(OutcomeKind.Delivered, 5));
        (await database.ScalarAsync<long>("select count(*) from stats")).ShouldBe(0);
        await ApplyAsync(request.Routed());
        (await StateAsync(request)).ShouldBe(State.Delivered);
        (await CountAsync("delivered")).ShouldBe(1);
        await ApplyAsync(request);
        (await CountAsync("delivered")).ShouldBe(1);
        (await database.ScalarAsync<long>("select count(*) from outcomes where tenant = 'acme'")).ShouldBe(2);
        (await database.ScalarAsync<string>("select tenant from messages where expires_at is not null")).ShouldBe("acme");
    }

    [Fact]
    public async Task A_place_is_given_back_once_and_only_if_nothing_left()
    {
        var (rejected, doubtful) = (Request(), Request());
        await PlaceAsync(rejected);
        await PlaceAsync(doubtful);
        await ApplyAsync(rejected, rejected.Attempted(2, Verdict.Rejected));
        await ApplyAsync(doubtful, doubtful.Attempted(2, Verdict.Unknown), doubtful.Attempted(3, Verdict.Rejected, 2));
        (await PlacesAsync(rejected)).ShouldBe(0);
        (await PlacesAsync(doubtful)).ShouldBe(1, "one attempt may have arrived");
    }

    [Fact]
    public async Task A_dead_address_is_suppressed()
    {
        var request = Request();
        var rejected = request.Attempted(2, Verdict.Rejected);
        rejected.Suppress = ByteString.CopyFrom(new byte[16]);
        rejected.Reason = "Unregistered";
        await ApplyAsync(rejected, request);
        await ApplyAsync(rejected);
        (await database.ScalarAsync<string>("select reason from suppressions where tenant = 'acme' and channel = 1")).ShouldBe("Unregistered");
    }

    [Fact]
    public async Task Events_count_once_and_belong_to_their_message_if_it_is_the_tenants()
    {
        var request = Request();
        await ApplyAsync(request, request.Attempted(2));
        var (opened, foreign, bought) = (Event("e1", "opened", request.MessageId()), Event("e1", "opened", request.MessageId(), "other"), Event("e2", "bought"));
        await ApplyAsync(opened, foreign, bought);
        await ApplyAsync(opened, bought, foreign, Event("e1", "opened", request.MessageId(), second: 90_000));

        (await TimelineAsync(request)).Count(fact => fact.Kind == OutcomeKind.Opened).ShouldBe(1);
        (await CountAsync("opened")).ShouldBe(1);
        (await CountAsync("event.bought")).ShouldBe(1);
        (await database.ScalarAsync<string>("select campaign from stats where kind = 'opened' and tenant = 'acme'")).ShouldBe("spring");
        (await database.ScalarAsync<string>("select campaign from stats where kind = 'opened' and tenant = 'other'")).ShouldBe("");
        (await StateAsync(request)).ShouldBe(State.Sent);
    }

    [Fact]
    public async Task Opens_beyond_what_a_row_remembers_change_nothing()
    {
        var request = Request();
        await ApplyAsync(request, request.Attempted(2));
        for (var batch = 0; batch < 3; batch++)
        {
            await ApplyAsync([.. Enumerable.Range(0, 100).Select(n => Event($"e{batch}-{n}", "opened", request.MessageId()))]);
        }

        (await TimelineAsync(request)).Count.ShouldBe(1 + 200);
    }

    [Fact]
    public async Task A_position_that_somebody_else_moved_undoes_everything()
    {
        await ApplyAsync(new PositionMove("c", "outcomes", 0, null, 10));
        await ApplyAsync(new PositionMove("c", "outcomes", 0, 10, 20), new PositionMove("c", "outcomes", 1, null, 5));
        var request = Request();
        await Should.ThrowAsync<StalePositionException>(() => ApplyAsync(request, new PositionMove("c", "outcomes", 0, 10, 30)));
        await Should.ThrowAsync<StalePositionException>(() => ApplyAsync(request, new PositionMove("c", "outcomes", 0, null, 30)));
        (await database.ScalarAsync<long>("select count(*) from messages")).ShouldBe(0);
        var positions = await new Positions(database.Database).ReadAsync(Reader, default);
        positions[("c", "outcomes", 0)].ShouldBe(20);
        positions[("c", "outcomes", 1)].ShouldBe(5);
    }

    [Fact]
    public async Task Several_ledgers_on_the_same_messages_neither_lose_nor_double()
    {
        var requests = Enumerable.Range(0, 300).Select(_ => Request()).ToArray();
        object[] told = [.. requests.SelectMany(request => new object[] { request, request.Routed(), request.Attempted(2), request.Receipt(OutcomeKind.Delivered, 3) })];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async seed =>
        {
            var random = new Random(seed);
            var own = Ledger(database);
            foreach (var part in told.OrderBy(_ => random.Next()).Chunk(150))
            {
                await own.ApplyAsync(Reader, Batch(part), default);
            }
        }));

        (await database.ScalarAsync<long>("select count(*) from messages where expected and state = 8")).ShouldBe(requests.Length);
        (await database.ScalarAsync<long>("select count(*) from outcomes")).ShouldBe(requests.Length * 3);
        (await database.ScalarAsync<long>("select sum(count)::bigint from stats")).ShouldBe(requests.Length * 4);
    }

    [Fact]
    public async Task A_day_that_nobody_foresaw_is_no_obstacle()
    {
        var request = Request();
        var id = Id.New(Noon.AddDays(-20));
        request.Recipients[0].Addresses[0].MessageId = ByteString.CopyFrom(id.ToBytes());
        await ApplyAsync(request, request.Routed());
        (await database.ScalarAsync<long>("select count(*) from messages where day = '2026-10-31'")).ShouldBe(1);
        await database.ExecuteAsync("select drop_days('2040-01-01')");
        await ApplyAsync(request, request.Routed());
        (await database.ScalarAsync<long>("select count(*) from messages where day = '2026-10-31'")).ShouldBe(1);
    }

    [Fact]
    public async Task Many_days_at_once_are_made_a_few_at_a_time()
    {
        var requests = Enumerable.Range(0, RetentionDays).Select(back => (Request: Request(), Day: Noon.AddDays(-back))).ToList();
        requests.ForEach(it => it.Request.Recipients[0].Addresses[0].MessageId = ByteString.CopyFrom(Id.New(it.Day).ToBytes()));
        await ApplyAsync([.. requests.Select(it => it.Request)]);
        (await database.ScalarAsync<long>("select count(distinct day) from messages")).ShouldBe(RetentionDays);
    }

    [Theory]
    [InlineData(-RetentionDays - 2)]
    [InlineData(3)]
    [InlineData(2_000)]
    public async Task A_record_of_a_day_that_is_not_kept_is_refused_and_changes_nothing(int days)
    {
        var partitions = await database.ScalarAsync<long>("select count(*) from pg_inherits");
        var (foreign, late, promised) = (Request(), Request().Routed(), Request());
        foreign.Recipients[0].Addresses[0].MessageId = ByteString.CopyFrom(Id.New(Noon.AddDays(days)).ToBytes());
        late.At = promised.AcceptedAt = Noon.AddDays(days).ToUnixTimeMilliseconds();
        foreach (object record in (object[])[foreign, late, promised])
        {
            StoreFault.IsUnavailable(await Should.ThrowAsync<DayNotKeptException>(() => ApplyAsync(Request(), record))).ShouldBeFalse();
        }

        (await database.ScalarAsync<long>("select count(*) from messages")).ShouldBe(0);
        (await database.ScalarAsync<long>("select count(*) from pg_inherits")).ShouldBe(partitions);
    }

    [Fact]
    public async Task An_event_of_a_clock_that_is_years_behind_counts_when_it_was_received()
    {
        await ApplyAsync(new Event { EventId = "e", Tenant = "acme", UserId = "u", Name = "bought", At = 1, ReceivedAt = At(5), Day = Id.DayOf(Noon) });
        (await database.ScalarAsync<long>("select count(*) from stats where day = '2026-11-20'")).ShouldBe(1);
    }

    [Fact]
    public async Task A_blind_window_closes_with_the_last_partitions_mark()
    {
        var opened = Noon;
        await ApplyAsync(new BlindMark("push-1", opened, 0, 3, Noon.AddSeconds(10)), new BlindMark("push-1", opened, 2, 3, Noon.AddSeconds(11)));
        await ApplyAsync(new BlindMark("push-1", opened, 2, 3, Noon.AddSeconds(11)));
        (await database.ScalarAsync<bool>("select closed_at is null from blind_windows")).ShouldBeTrue();
        await ApplyAsync(new BlindMark("push-1", opened, 1, 3, Noon.AddSeconds(12)));
        (await database.ScalarAsync<bool>("select closed_at = timestamptz '2026-11-20 12:00:12Z' from blind_windows")).ShouldBeTrue();
    }

    private Task<LedgerResult> ApplyAsync(params object[] records) => ledger.ApplyAsync(Reader, Batch(records), default);

    private async Task<State> StateAsync(Request request) =>
        (State)await database.ScalarAsync<short>($"select state from messages where message_id = '{request.MessageId().ToGuid()}'");

    private async Task<IList<Outcome>> TimelineAsync(Request request) =>
        Timeline.Parser.ParseFrom(await database.ScalarAsync<byte[]>($"select timeline from messages where message_id = '{request.MessageId().ToGuid()}'")).Facts;

    private Task<long> CountAsync(string kind, string label = "") =>
        database.ScalarAsync<long>($"select coalesce(sum(count), 0)::bigint from stats where tenant = 'acme' and kind = '{kind}' and label = '{label}'");

    private async Task PlaceAsync(Request request)
    {
        await using var connection = await database.Database.OpenAsync(default);
        await CapLedger.DecideAsync(
            connection, [Key(request)], (_, _) => [new CapPlace(CapPlace.KeyOf(request.MessageId()), 1, (uint)Noon.AddDays(1).ToUnixTimeSeconds())], default);
    }

    private Task<long> PlacesAsync(Request request) =>
        database.ScalarAsync<long>($"select count(*) from caps, cap_places(places) where recipient_key = '{Key(request)}'");

    private static Guid Key(Request request) => new(request.Recipients[0].RecipientKey.Span, bigEndian: true);
}
