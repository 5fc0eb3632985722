using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Dispatch.Testing;
using Google.Protobuf;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

public sealed class HoldTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private TestDatabase _store = null!;
    private RunningRouter _router = null!;

    public async Task InitializeAsync()
    {
        _store = await PostgresServer.CreateDatabaseAsync();
        _router = await RunningRouter.StartAsync(_folder.Path, _store);
    }

    public async Task DisposeAsync()
    {
        await _router.DisposeAsync();
        await _store.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_paused_tenant_is_parked_and_goes_on_when_the_pause_ends_others_do_not_wait()
    {
        Switch("pause", new ModeScope(Tenant: Given.Tenant));
        var (parked, other) = (Email(), Email());
        other.Tenant = "other";
        await _router.PostAsync(parked, other);
        await _router.SettledAsync(2);
        (await _router.RoutedAsync()).ShouldHaveSingleItem().Tenant.ShouldBe("other");
        var held = (await _router.OutcomesAsync()).Single(outcome => outcome.Kind == OutcomeKind.Held);
        (held.State, held.Reason, held.NothingLeft).ShouldBe((State.Held, HoldReasons.Paused, false));

        Switch("run", new ModeScope(Tenant: Given.Tenant));
        await _router.SettledAsync(2, OutcomeKind.Routed);
        var routed = (await _router.RoutedAsync()).Single(message => message.Tenant == Given.Tenant);
        (routed.HoldReason, routed.ParkingId.Length).ShouldBe(("", 0));
    }

    [Fact]
    public async Task A_parked_message_that_is_cancelled_ends()
    {
        Switch("pause", new ModeScope(Channel: Channel.Email, Tenant: Given.Tenant));
        var cancelled = Email();
        await _router.PostAsync(cancelled);
        await _router.SettledAsync(1, OutcomeKind.Held);
        await _router.CancelAsync(Id.From(cancelled.RequestId.Span));
        await _router.SettledAsync(1, OutcomeKind.Cancelled);
    }

    [Fact]
    public async Task A_paused_class_is_not_read()
    {
        Switch("pause", new ModeScope(Class: TrafficClass.Campaign));
        await _router.PostAsync(Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email), Email());
        await _router.SettledAsync(1);
        (await _router.OutcomesAsync()).ShouldHaveSingleItem().Class.ShouldBe(TrafficClass.Transactional);
        Switch("run", new ModeScope(Class: TrafficClass.Campaign));
        await _router.SettledAsync(2, OutcomeKind.Routed);
    }

    [Fact]
    public async Task A_retry_waits_for_its_time_and_nobody_says_held()
    {
        var later = Given.Rerouted(Email());
        var due = DateTimeOffset.UtcNow.AddSeconds(2);
        later.NotBefore = due.ToUnixTimeMilliseconds();
        await _router.RerouteAsync(later);
        await _router.SettledAsync(1, OutcomeKind.Routed);
        var routed = (await _router.RoutedAsync()).ShouldHaveSingleItem();
        routed.RoutedAt.ShouldBeGreaterThanOrEqualTo(later.NotBefore);
        routed.NotBefore.ShouldBe(0);
        (await _router.OutcomesAsync()).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task What_waits_for_a_person_waits_for_a_person()
    {
        var doubted = Given.Rerouted(Email());
        doubted.HoldReason = HoldReasons.InDoubt;
        doubted.ExpiresAt = 1;
        var waiting = Given.Rerouted(Email());
        waiting.HoldReason = HoldReasons.Credential("apns-main");
        await _router.EventLog.AppendAsync(
            [.. new[] { doubted, waiting }.Select(message => new Record(Topics.Held(message.Class), "one"u8.ToArray(), message.ToByteArray()))]);
        await _router.SettledAsync(1, OutcomeKind.Routed);
        (await _router.RoutedAsync()).ShouldHaveSingleItem().MessageId.ShouldBe(waiting.MessageId);
    }

    [Fact]
    public async Task The_last_may_go_before_the_middle_and_the_middle_before_the_first()
    {
        string[] tenants = ["first", "middle", "last"];
        foreach (var tenant in tenants)
        {
            Switch("pause", new ModeScope(Tenant: tenant));
            await ParkAsync([tenant]);
        }

        for (var gone = 1; gone <= tenants.Length; gone++)
        {
            Switch("run", new ModeScope(Tenant: tenants[^gone]));
            await _router.SettledAsync(gone, OutcomeKind.Routed);
            (await _router.RoutedAsync()).Select(message => message.Tenant).ShouldBe(tenants[^gone..], ignoreOrder: true);
        }

        var held = new TopicPartition(Topics.Held(TrafficClass.Transactional), Partitioner.Of("one"u8, _router.EventLog.PartitionsOf(Topics.Held(TrafficClass.Transactional))));
        (await _router.EventLog.PositionAsync(RouterWork.GroupName, held)).ShouldBe(new Position(tenants.Length));
    }

    [Fact]
    public async Task What_left_right_behind_a_batch_does_not_leave_again()
    {
        // One batch of the group that stays until later, and behind it one that leaves first.
        var count = RouterWork.Group.BatchSizeMax;
        Switch("pause", new ModeScope(Tenant: Given.Tenant));
        await ParkAsync(Enumerable.Repeat(Given.Tenant, count).Append("other"));
        await _router.SettledAsync(1, OutcomeKind.Routed);
        Switch("run", new ModeScope(Tenant: Given.Tenant));
        await _router.SettledAsync(count + 1, OutcomeKind.Routed);

        Switch("pause", new ModeScope(Tenant: "nobody")); // all that is parked is looked at again
        await ParkAsync(["other"]);
        await _router.SettledAsync(count + 2, OutcomeKind.Routed);
        (await _router.RoutedAsync()).Count.ShouldBe(count + 2);
    }

    [Fact]
    public async Task Many_that_stay_and_some_that_go_are_each_somewhere_exactly_once()
    {
        // Enough that marks do not suffice, and what stays is moved to the end.
        const int Count = 12_000;
        Switch("pause", new ModeScope(Tenant: Given.Tenant));
        var key = "one"u8.ToArray();
        var parked = Enumerable.Range(0, Count).Select(i =>
        {
            var message = Given.Rerouted(Email());
            message.HoldReason = HoldReasons.Paused;
            message.Tenant = i % 2 == 0 ? Given.Tenant : "other";
            return message;
        }).ToList();
        foreach (var some in parked.Chunk(1_000))
        {
            await _router.EventLog.AppendAsync([.. some.Select(message => new Record(Topics.Held(message.Class), key, message.ToByteArray()))]);
        }

        await _router.SettledAsync(Count / 2, OutcomeKind.Routed);
        (await _router.RoutedAsync()).Count.ShouldBe(Count / 2);
        Switch("run", new ModeScope(Tenant: Given.Tenant));
        await _router.SettledAsync(Count, OutcomeKind.Routed);
        var routed = await _router.RoutedAsync();
        routed.Select(message => message.MessageId).Distinct().Count().ShouldBe(Count);
        routed.Count.ShouldBe(Count);
    }

    private async Task ParkAsync(IEnumerable<string> tenants) => await _router.EventLog.AppendAsync([.. tenants.Select(tenant =>
    {
        var message = Given.Rerouted(Email());
        (message.HoldReason, message.Tenant) = (HoldReasons.Paused, tenant);
        return new Record(Topics.Held(message.Class), "one"u8.ToArray(), message.ToByteArray());
    })]);

    private static Request Email() => Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);

    private void Switch(string value, ModeScope scope) => _router.Modes.Set(new Mode(
        Switches.Dispatch, value, scope, "test", "tester", DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1), Automatic: false, Version: 0));
}
