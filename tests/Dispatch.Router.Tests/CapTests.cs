using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Router.Capping;
using Dispatch.Store;
using Dispatch.Testing;
using Google.Protobuf;

namespace Dispatch.Router.Tests;

public sealed class CapTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TempFolder _second = new();
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

    public void Dispose()
    {
        _folder.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task Fifty_at_once_over_all_channels_classes_partitions_and_two_routers_get_three_places()
    {
        await using var other = await RunningRouter.StartAsync(_second.Path, _store);
        await RuleAsync(CapKind.Global, "", 3, _router, other);
        var recipient = Given.Recipient();
        var requests = Enumerable.Range(0, 50).Select(i => Given.Request(
            Topics.Classes[i % 3],
            Given.Reached(Given.Recipient(), Channel.Email), // the key of the record: so the fifty are spread over all partitions
            Given.Reached(recipient, Topics.Channels[i / 3 % 3]))).ToList();

        await Task.WhenAll(_router.PostAsync(requests[..25]), other.PostAsync(requests[25..]));
        await _router.SettledAsync(50);
        await other.SettledAsync(50);

        List<Message> routed = [.. await _router.RoutedAsync(), .. await other.RoutedAsync()];
        routed.Count(message => message.RecipientKey.Span.SequenceEqual(recipient)).ShouldBe(3);
        routed.Count.ShouldBe(53);
        routed.ShouldAllBe(message => message.CapCheck == CapCheck.Reserved);
        List<Outcome> outcomes = [.. await _router.OutcomesAsync(), .. await other.OutcomesAsync()];
        outcomes.Count(outcome => outcome.Kind == OutcomeKind.Capped && outcome.NothingLeft && outcome.Reason.StartsWith(IdPrefix.CapRule, StringComparison.Ordinal)).ShouldBe(47);
    }

    [Fact]
    public async Task Rules_of_labels_and_automations_count_what_they_name()
    {
        await RuleAsync(CapKind.Label, "promo", 1, _router);
        await RuleAsync(CapKind.Automation, "welcome", 1, _router);
        var recipient = Given.Recipient();
        Request Of(TrafficClass of, string label, string campaign)
        {
            var request = Given.Request(of, recipient, Channel.Email);
            request.Labels.Clear();
            request.Labels.Add(label);
            request.Campaign = campaign;
            return request;
        }

        await _router.PostAsync(
            Of(TrafficClass.Automation, "promo", "welcome"), Of(TrafficClass.Automation, "promo", "other"), Of(TrafficClass.Automation, "news", "welcome"),
            Of(TrafficClass.Automation, "news", "other"), Of(TrafficClass.Automation, "news", "other"));
        await _router.SettledAsync(5);
        (await _router.RoutedAsync()).Select(message => (message.Labels[0], message.Campaign, message.CapCheck)).ShouldBe(
            [("promo", "welcome", CapCheck.Reserved), ("news", "other", CapCheck.NoRule), ("news", "other", CapCheck.NoRule)]);
    }

    [Fact]
    public async Task What_comes_back_keeps_its_place_and_a_released_place_is_free()
    {
        await RuleAsync(CapKind.Global, "", 1, _router);
        var recipient = Given.Recipient();
        var (first, second) = (Given.Request(TrafficClass.Campaign, recipient, Channel.Email), Given.Request(TrafficClass.Campaign, recipient, Channel.Email));
        await _router.PostAsync(first);
        await _router.SettledAsync(1, OutcomeKind.Routed);

        await _router.RerouteAsync(Given.Rerouted(first), Given.Rerouted(second));
        await _router.SettledAsync(1, OutcomeKind.Capped);
        (await _router.RoutedAsync()).Select(message => message.MessageId.ToByteArray()).ShouldBe([first.FirstMessage().ToBytes(), first.FirstMessage().ToBytes()]);

        await _store.Database.InTransactionAsync(
            (connection, transaction) => CapLedger.ReleaseAsync(connection, transaction, [(recipient, first.FirstMessage().ToGuid())]), default);
        await _router.RerouteAsync(Given.Rerouted(second));
        await _router.SettledAsync(2, OutcomeKind.Routed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_the_ledger_cannot_be_written_the_urgent_goes_unasked_and_is_charged_the_rest_waits(bool readOnly)
    {
        await RuleAsync(CapKind.Global, "", 2, _router);
        var recipient = Given.Recipient();
        await SwitchOffAsync(readOnly, true);

        List<Request> urgent = [.. Enumerable.Range(0, 3).Select(_ => Given.Request(TrafficClass.Transactional, recipient, Channel.Sms))];
        var campaign = Given.Request(TrafficClass.Campaign, Given.Recipient(), Channel.Email);
        var beyond = Given.Request(TrafficClass.Campaign, recipient, Channel.Email);
        await _router.PostAsync([.. urgent, campaign, beyond]);
        await Eventually.HoldsAsync(async () => (await _router.RoutedAsync(TrafficClass.Transactional)).Count == 3);
        (await _router.RoutedAsync(TrafficClass.Transactional)).ShouldAllBe(message => message.CapCheck == CapCheck.NotChecked);
        (await _router.OutcomesAsync()).ShouldAllBe(outcome => outcome.CapCheck == CapCheck.NotChecked && outcome.Class == TrafficClass.Transactional);
        await Eventually.HoldsAsync(() =>
            _router.Modes.ValueOf(Switches.Caps, new ModeScope(Class: TrafficClass.Transactional)) == "send"
            && _router.Modes.ValueOf(Switches.Caps, new ModeScope(Class: TrafficClass.Campaign)) == "hold");
        (await _router.RoutedAsync(TrafficClass.Campaign)).ShouldBeEmpty();

        await SwitchOffAsync(readOnly, false);
        await _router.SettledAsync(5);
        await Eventually.HoldsAsync(() => _router.Modes.ValueOf(Switches.Caps, new ModeScope(Class: TrafficClass.Campaign)) == "enforce");
        (await _router.RoutedAsync(TrafficClass.Campaign)).Select(Id).ShouldContain(campaign.FirstMessage());
        await _router.DrainedAsync();
        var next = Given.Request(TrafficClass.Transactional, recipient, Channel.Sms);
        await _router.PostAsync(next);
        await _router.SettledAsync(6);
        (await _router.OutcomesAsync()).Single(outcome => Id(outcome.MessageId) == next.FirstMessage()).Kind.ShouldBe(OutcomeKind.Capped); // the three were charged
    }

    [Fact]
    public async Task A_campaign_that_waits_for_its_ledger_holds_up_nothing_urgent_neither_new_nor_come_back()
    {
        await RuleAsync(CapKind.Global, "", 5, _router);
        var recipient = Given.Recipient();
        await _store.SetAwayAsync(true);
        await Eventually.HoldsAsync(() => _router.Modes.ValueOf(Switches.Caps, new ModeScope(Class: TrafficClass.Campaign)) == "hold");
        await _router.PostAsync(Given.Request(TrafficClass.Campaign, recipient, Channel.Sms));
        await _router.RerouteAsync(Given.Rerouted(Given.Request(TrafficClass.Campaign, recipient, Channel.Sms)));

        await _router.PostAsync(Given.Request(TrafficClass.Transactional, recipient, Channel.Sms));
        await _router.RerouteAsync(Given.Rerouted(Given.Request(TrafficClass.Transactional, recipient, Channel.Sms)));
        await Eventually.HoldsAsync(async () => (await _router.RoutedAsync(TrafficClass.Transactional)).Count == 2);
        (await _router.RoutedAsync(TrafficClass.Campaign)).ShouldBeEmpty();

        await _store.SetAwayAsync(false);
        await _router.SettledAsync(4, OutcomeKind.Routed);
    }

    [Fact]
    public async Task What_went_unasked_is_charged_by_the_next_router_when_the_first_one_is_gone()
    {
        await RuleAsync(CapKind.Global, "", 1, _router);
        var recipient = Given.Recipient();
        await _store.SetAwayAsync(true);
        await _router.PostAsync(Given.Request(TrafficClass.Transactional, recipient, Channel.Sms));
        await _router.SettledAsync(1, OutcomeKind.Routed);
        await _router.DisposeAsync();

        await _store.SetAwayAsync(false);
        _router = await RunningRouter.StartAsync(_folder.Path, _store);
        await _router.DrainedAsync();
        await _router.PostAsync(Given.Request(TrafficClass.Transactional, recipient, Channel.Sms));
        await _router.SettledAsync(1, OutcomeKind.Capped);
    }

    [Fact]
    public async Task A_person_decides_what_is_asked()
    {
        await RuleAsync(CapKind.Global, "", 1, _router);
        var recipient = Given.Recipient();
        _router.Modes.Set(Mode("send", new ModeScope(Class: TrafficClass.Campaign)));
        await _router.PostAsync(Enumerable.Range(0, 3).Select(_ => Given.Request(TrafficClass.Campaign, recipient, Channel.Email)));
        await _router.SettledAsync(3, OutcomeKind.Routed);

        _router.Modes.Set(Mode("hold", new ModeScope(Tenant: Given.Tenant)));
        await _router.PostAsync(Given.Request(TrafficClass.Automation, Given.Recipient(), Channel.Email));
        await _router.SettledAsync(1, OutcomeKind.Held);
        _router.Modes.Set(Mode("enforce", new ModeScope(Tenant: Given.Tenant)));
        await _router.SettledAsync(4, OutcomeKind.Routed);
    }

    private Task SwitchOffAsync(bool readOnly, bool off) => readOnly ? _store.SetReadOnlyAsync(off) : _store.SetAwayAsync(off);

    private async Task RuleAsync(CapKind kind, string subject, int limit, params RunningRouter[] routers)
    {
        var now = DateTimeOffset.UtcNow;
        await new CapRules(_store.Database).AddAsync(
            new CapRule(0, Contracts.Id.New(now), Given.Tenant, kind, subject, [.. Topics.Classes], limit, TimeSpan.FromDays(1)), default);
        foreach (var router in routers)
        {
            await Eventually.HoldsAsync(() => router.Service<CapRuleBook>().Match(Given.Tenant, TrafficClass.Automation, [subject], subject).Count > 0);
        }
    }

    private static Mode Mode(string value, ModeScope scope) => new(
        Switches.Caps, value, scope, "test", "tester", DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddHours(1), Automatic: false, Version: 0);

    private static Id Id(Message message) => Id(message.MessageId);

    private static Id Id(ByteString id) => Contracts.Id.From(id.Span);
}
