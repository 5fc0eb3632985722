using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Google.Protobuf;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>The dispatcher from a filled topic to the other end of a real wire and back into `outcomes`.</summary>
public sealed class DispatcherTests : IAsyncLifetime
{
    private readonly Rig _rig = new();
    private Endpoint _endpoint = null!;

    public async Task InitializeAsync() => _endpoint = await Endpoint.StartAsync();

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        await _endpoint.DisposeAsync();
    }

    [Fact]
    public async Task What_meets_a_lease_in_doubt_waits_and_goes_once_the_lease_is_confirmed()
    {
        var log = new FaultyLog(_rig.Log) { LeasesAreInDoubt = true };
        _rig.Seen = log;
        var messages = await _rig.PutAsync(50);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(() => _rig.Waiting == messages.Count);
        _endpoint.Receipts.ShouldBeEmpty();

        log.LeasesAreInDoubt = false;
        await _rig.ExpectAsync(State.Sent, messages.Count);
        _endpoint.Receipts.Count.ShouldBe(messages.Count);
    }

    [Fact]
    public async Task Every_message_is_sent_once_and_its_outcome_says_so()
    {
        var messages = new List<Message>();
        foreach (var of in Topics.Classes)
        {
            messages.AddRange(await _rig.PutAsync(700, of: of));
        }

        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Sent, messages.Count);

        _endpoint.Receipts.Count.ShouldBe(messages.Count);
        _endpoint.Receipts.Select(it => it.MessageId).ToHashSet().SetEquals(messages.Select(TextOf)).ShouldBeTrue();
        var one = outcomes.First(it => it.MessageId == messages[0].MessageId);
        one.ShouldSatisfyAllConditions(
            it => it.Kind.ShouldBe(OutcomeKind.Attempted), it => it.Verdict.ShouldBe(Verdict.Accepted), it => it.Lane.ShouldBe("one"), it => it.Attempt.ShouldBe(1u),
            it => it.AttemptEpoch.ShouldBeGreaterThan(0ul), it => it.ProviderMessageId.ShouldBe("ok"), it => it.NothingLeft.ShouldBeFalse(), it => it.RequestId.ShouldBe(messages[0].RequestId));
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Campaign));
    }

    [Fact]
    public async Task A_restart_goes_on_where_the_last_process_stopped()
    {
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(300, "slow");
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count > 50);
        await _rig.StopAsync();
        var before = _endpoint.Receipts.Count;
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 300);
        before.ShouldBeLessThan(300);
        _endpoint.Receipts.Count.ShouldBe(300);
    }

    [Fact]
    public async Task What_is_kept_and_no_journal_knows_of_does_not_hold_the_position_for_ever()
    {
        var topic = Topics.Messages(Channel.Push, TrafficClass.Transactional);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.StopAsync(); // so the journal is not new
        await _rig.PutAsync(30);
        var careful = (await _rig.PutAsync(1, "careful", inDoubt: InDoubt.Hold)).Single();
        using var stop = new CancellationTokenSource();
        var left = Rig.Partitions;
        await _rig.Log.RunAsync(new Group("push", [topic]), async (partition, stopping) =>
        {
            await partition.CommitAsync([], new Position(0, [.. Enumerable.Range(1, (int)partition.End - 1).Select(offset => new Mark(offset, MarkKind.Kept))]), stopping);
            if (Interlocked.Decrement(ref left) == 0)
            {
                await stop.CancelAsync();
            }
        }, stop.Token);

        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 30);
        (await _rig.ExpectAsync(State.InDoubt, 1)).Single(it => it.State == State.InDoubt).MessageId.ShouldBe(careful.MessageId);
        await _rig.DrainedAsync(topic);
        _endpoint.Receipts.Count.ShouldBe(30);
    }

    [Fact]
    public async Task What_goes_on_faster_than_it_is_committed_is_taken_in_once()
    {
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Channel.Push, Tenant: "quiet"));
        _rig.Options = new DispatcherOptions { SyncDelay = TimeSpan.FromMilliseconds(2), CommitInterval = TimeSpan.FromMilliseconds(500), StopPatience = TimeSpan.FromSeconds(2) };
        await _rig.PutAsync(6_000, tenant: "quiet");
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
        (await _rig.ReadAsync(Topics.Held(TrafficClass.Transactional))).Count.ShouldBe(6_000);
    }

    [Fact]
    public async Task A_provider_that_refuses_twice_is_asked_a_third_time()
    {
        var message = Rig.NewMessage("retry-2-x");
        await _rig.PutAsync(message);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Sent, 1);
        outcomes.Select(it => (it.Attempt, it.State)).ShouldBe([(1u, State.Sending), (2u, State.Sending), (3u, State.Sent)]);
        outcomes.Where(it => it.State == State.Sending).ShouldAllBe(it => it.RetryAt > it.At);
    }

    [Fact]
    public async Task Nothing_is_sent_on_a_lane_before_its_Retry_After()
    {
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(Rig.NewMessage("after-2-x"));
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Any(it => it.Status == 429));
        var refused = _endpoint.Receipts.First(it => it.Status == 429).At;
        await Eventually.HoldsAsync(async () => (await _rig.OutcomesAsync()).Count > 0);
        await _rig.PutAsync(20);
        await _rig.ExpectAsync(State.Sent, 21);
        _endpoint.Accepted.Min(it => it.At).ShouldBeGreaterThan(refused.AddSeconds(1.99));
    }

    [Theory]
    [InlineData(30, "retry.push.transactional.1m")]
    [InlineData(90, "reroute.transactional")]
    public async Task A_long_wait_goes_by_a_topic(int seconds, string topic)
    {
        await _rig.PutAsync(Rig.NewMessage($"after-{seconds}-x"));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(topic)).Count == 1);
        var parked = (await _rig.MessagesAsync(topic)).Single();
        parked.Attempts.ShouldBe(1u);
        parked.MayHaveLeft.ShouldBeFalse();
        DateTimeOffset.FromUnixTimeMilliseconds(parked.NotBefore).ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddSeconds(seconds - 10));
        (await _rig.ReadAsync(topic)).Single().Headers.ShouldContain(it => it.Name == RecordHeaders.NotBefore);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
        _endpoint.Receipts.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_retry_record_waits_until_it_is_due()
    {
        var due = DateTimeOffset.UtcNow.AddSeconds(2);
        var message = Rig.NewMessage("ok");
        var header = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(header, due.ToUnixTimeMilliseconds());
        await _rig.Log.AppendAsync([new Record(Topics.Retry(Channel.Push, TrafficClass.Transactional, Topics.RetryDelays[0]), message.RecipientKey.Memory, message.ToByteArray())
        {
            Headers = [new RecordHeader(RecordHeaders.NotBefore, header)],
        }]);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 1);
        _endpoint.Receipts.Single().At.ShouldBeGreaterThanOrEqualTo(due.AddMilliseconds(-1));
    }

    [Fact]
    public async Task What_a_silent_lane_does_not_take_goes_to_its_siblings_and_it_comes_back_by_a_probe()
    {
        await using var silent = await Endpoint.StartAsync();
        silent.Mood = -1;
        await _rig.StartAsync((Rig.Lane("silent", inFlight: 5, silence: TimeSpan.FromMilliseconds(500)), silent.Address), (Rig.Lane("well"), _endpoint.Address));
        var messages = await _rig.PutAsync(500, "slow");
        await Eventually.HoldsAsync(() => _rig.Automatic.Any(mode => mode.Scope.Lane == "silent"));
        await Eventually.HoldsAsync(() => silent.Receipts.Concat(_endpoint.Receipts).Select(it => it.MessageId).Distinct().Count() == messages.Count);
        silent.Receipts.Count.ShouldBeLessThanOrEqualTo(6); // its window, and one probe

        silent.Mood = 0;
        await Eventually.HoldsAsync(async () =>
        {
            await _rig.PutAsync(5);
            return silent.Accepted.Any();
        });
        await Eventually.HoldsAsync(() => _rig.Automatic.Count == 0);
    }

    [Fact]
    public async Task A_refused_credential_holds_the_lane_and_fails_no_message()
    {
        _endpoint.Mood = 401;
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(50);
        await Eventually.HoldsAsync(() => _rig.Automatic is [{ Switch: "dispatch", Value: "pause", Scope.Lane: "one" }]);
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count > 50); // probes
        _endpoint.Mood = 0;
        var outcomes = await _rig.ExpectAsync(State.Sent, 50);
        outcomes.ShouldNotContain(it => it.State == State.Failed);
        _rig.Automatic.ShouldBeEmpty();
        _endpoint.Accepted.Count().ShouldBe(50);
    }

    [Fact]
    public async Task What_was_mended_meanwhile_is_tried_again_at_once_one_time()
    {
        await _rig.PutAsync(Rig.NewMessage("mended-x"));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Sent, 1);
        outcomes.Select(it => (it.Attempt, it.Scope)).ShouldBe([(1u, Scope.Credential), (2u, Scope.Message)]);
        _rig.Automatic.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_tenant_whose_lane_is_held_does_not_stand_in_the_way_of_others()
    {
        await using var refusing = await Endpoint.StartAsync();
        refusing.Mood = 401;
        _rig.Options = new DispatcherOptions
        {
            WaitingMax = 32, SyncDelay = TimeSpan.FromMilliseconds(2), CommitInterval = TimeSpan.FromMilliseconds(20), StopPatience = TimeSpan.FromSeconds(2),
        };
        await _rig.StartAsync((Rig.Lane("theirs", ["held"]), refusing.Address), (Rig.Lane("ours", [Rig.Tenant]), _endpoint.Address));
        await _rig.PutAsync(200, tenant: "held");
        await _rig.PutAsync(200);
        await _rig.ExpectAsync(State.Sent, 200);
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Held(TrafficClass.Transactional))).Count >= 150);
        (await _rig.MessagesAsync(Topics.Held(TrafficClass.Transactional))).ShouldAllBe(it => it.HoldReason == "credential:theirs" && it.NotBefore > 0);
        (await _rig.OutcomesAsync()).ShouldNotContain(it => it.State == State.Failed || it.State == State.Expired);
    }

    [Fact]
    public async Task A_stale_message_goes_back_through_the_router_unsent()
    {
        var stale = Rig.NewMessage("ok");
        stale.RoutedAt = DateTimeOffset.UtcNow.AddMinutes(-2).ToUnixTimeMilliseconds();
        await _rig.PutAsync(stale);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Reroute(TrafficClass.Transactional))).Count == 1);
        (await _rig.MessagesAsync(Topics.Reroute(TrafficClass.Transactional))).Single().ShouldBe(stale);
        _endpoint.Receipts.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_expired_message_is_not_sent_and_gives_its_place_back()
    {
        var late = Rig.NewMessage("ok");
        late.ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1).ToUnixTimeMilliseconds();
        var unsure = late.Clone();
        unsure.MessageId = ByteString.CopyFrom(Id.New(DateTimeOffset.UtcNow).ToBytes());
        unsure.MayHaveLeft = true;
        await _rig.PutAsync(late, unsure);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Expired, 2);
        outcomes.ToDictionary(it => it.MessageId, it => it.NothingLeft).ShouldBe(
            new Dictionary<ByteString, bool> { [late.MessageId] = true, [unsure.MessageId] = false }, ignoreOrder: true);
        _endpoint.Receipts.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_cancelled_request_is_not_sent()
    {
        var message = Rig.NewMessage("ok");
        _rig.Cancel(Id.From(message.RequestId.Span));
        await _rig.PutAsync(message);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        (await _rig.ExpectAsync(State.Cancelled, 1)).Single().NothingLeft.ShouldBeTrue();
        _endpoint.Receipts.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_sender_that_throws_costs_three_tries_and_no_neighbour()
    {
        await _rig.PutAsync(20);
        await _rig.PutAsync(Rig.NewMessage("boom-x"));
        await _rig.PutAsync(20);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Quarantined, 1, TimeSpan.FromSeconds(30));
        await _rig.ExpectAsync(State.Sent, 40);
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Quarantine)).Count == 1);
        var parked = Quarantined.Parser.ParseFrom((await _rig.ReadAsync(Topics.Quarantine)).Single().Value.Span);
        parked.Exception.ShouldContain("a bug of the sender");
        parked.Service.ShouldBe("push");
        Message.Parser.ParseFrom(parked.Value).ShouldSatisfyAllConditions(it => it.Attempts.ShouldBe(3u), it => it.MayHaveLeft.ShouldBeTrue());
        outcomes.Single(it => it.Kind == OutcomeKind.Quarantined).SourceId.ShouldBe(Id.From(parked.ParkingId.Span).ToText(IdPrefix.Parking));
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
    }

    [Fact]
    public async Task A_message_that_leaves_no_room_to_go_on_is_quarantined_and_its_neighbours_go_on()
    {
        var large = Rig.NewMessage("ok-large");
        large.Variables = ByteString.CopyFrom(new byte[Record.StoredBytesMax - large.CalculateSize() - 100]);
        await _rig.PutAsync(20);
        await _rig.PutAsync(large);
        await _rig.PutAsync(20);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Quarantined, 1, TimeSpan.FromSeconds(30));
        await _rig.ExpectAsync(State.Sent, 40);
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Quarantine)).Count == 1);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
    }

    [Fact]
    public async Task A_record_that_is_no_message_is_parked_and_its_neighbours_go_on()
    {
        await _rig.Log.AppendAsync([new Record(Topics.Messages(Channel.Push, TrafficClass.Campaign), new byte[] { 1 }, new byte[] { 0xff, 0xff, 0xff })]);
        await _rig.PutAsync(50, of: TrafficClass.Campaign);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 50);
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Quarantine)).Count == 1);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Campaign));
    }

    [Fact]
    public async Task The_urgent_goes_first()
    {
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Lane: "one"));
        await _rig.StartAsync((Rig.Lane(inFlight: 1), _endpoint.Address));
        await _rig.PutAsync(100, of: TrafficClass.Campaign);
        await _rig.PutAsync(100, of: TrafficClass.Automation);
        await _rig.PutAsync(100, "urgent");
        await Eventually.HoldsAsync(() => _rig.Waiting == 300);
        _rig.Switch(Switches.Dispatch, "run", new ModeScope(Lane: "one"));
        await _rig.ExpectAsync(State.Sent, 300);
        _endpoint.Receipts.Take(100).ShouldAllBe(it => it.Address.StartsWith("urgent"));
    }

    [Fact]
    public async Task A_paused_class_is_not_read_and_a_paused_tenant_is_parked()
    {
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Channel.Push, TrafficClass.Campaign));
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Channel.Push, Tenant: "quiet"));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(30, of: TrafficClass.Campaign);
        await _rig.PutAsync(10, tenant: "quiet");
        await _rig.PutAsync(10);
        await _rig.ExpectAsync(State.Sent, 10);
        await _rig.ExpectAsync(State.Held, 10);
        (await _rig.MessagesAsync(Topics.Held(TrafficClass.Transactional))).ShouldAllBe(it => it.HoldReason == "dispatch_paused" && it.Tenant == "quiet");
        _endpoint.Receipts.Count.ShouldBe(10);

        _rig.Switch(Switches.Dispatch, "run", new ModeScope(Channel.Push, TrafficClass.Campaign));
        await _rig.ExpectAsync(State.Sent, 40);
    }

    [Fact]
    public async Task A_paused_class_that_runs_for_one_tenant_is_read_and_the_others_are_parked()
    {
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Channel.Push, TrafficClass.Automation));
        _rig.Switch(Switches.Dispatch, "run", new ModeScope(Channel.Push, TrafficClass.Automation, Rig.Tenant));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(10, of: TrafficClass.Automation, tenant: "other");
        await _rig.PutAsync(10, of: TrafficClass.Automation);
        await _rig.ExpectAsync(State.Sent, 10);
        await _rig.ExpectAsync(State.Held, 10);
        (await _rig.MessagesAsync(Topics.Held(TrafficClass.Automation))).ShouldAllBe(it => it.Tenant == "other");
    }

    [Fact]
    public async Task A_drained_class_gives_back_what_it_has_taken_in()
    {
        _rig.Switch(Switches.Dispatch, "pause", new ModeScope(Lane: "one"));
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(50);
        await Eventually.HoldsAsync(() => _rig.Waiting == 50);
        _rig.Switch(Switches.Dispatch, "drain", new ModeScope(Channel.Push, TrafficClass.Transactional));
        await Eventually.HoldsAsync(async () => (await _rig.ReadAsync(Topics.Reroute(TrafficClass.Transactional))).Count == 50);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
        _endpoint.Receipts.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_mass_of_dead_tokens_suppresses_none_once_it_is_seen_to_be_one()
    {
        await _rig.PutAsync(200, "dead");
        await _rig.StartAsync((Rig.Lane(inFlight: 1), _endpoint.Address));
        var outcomes = await _rig.ExpectAsync(State.Failed, 200);
        outcomes.Count(it => it.Suppress.Length > 0).ShouldBeInRange(1, 9);
        outcomes.ShouldAllBe(it => it.NothingLeft);
    }

    [Fact]
    public async Task A_few_dead_tokens_among_living_ones_are_suppressed()
    {
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(100);
        await _rig.ExpectAsync(State.Sent, 100);
        var dead = await _rig.PutAsync(5, "dead");
        var outcomes = await _rig.ExpectAsync(State.Failed, 5);
        outcomes.Where(it => it.State == State.Failed).Select(it => it.Suppress).ToHashSet().SetEquals(dead.Select(it => it.Address.AddressKey)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_lane_keeps_its_pace()
    {
        await _rig.PutAsync(60);
        var began = DateTimeOffset.UtcNow;
        await _rig.StartAsync((Rig.Lane(rate: 30), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 60);
        (_endpoint.Receipts.Max(it => it.At) - began).ShouldBeGreaterThan(TimeSpan.FromSeconds(1.9)); // 59 intervals, but for the first burst
    }

    private static string TextOf(Message message) => Id.From(message.MessageId.Span).ToText(IdPrefix.Message);
}
