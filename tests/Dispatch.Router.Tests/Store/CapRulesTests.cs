using Dispatch.Contracts;
using Dispatch.Store;
using Dispatch.Testing;

namespace Dispatch.Router.Tests.Store;

public sealed class CapRulesTests : IAsyncLifetime
{
    private TestDatabase _store = null!;
    private CapRules _rules = null!;

    public async Task InitializeAsync()
    {
        _store = await PostgresServer.CreateDatabaseAsync();
        _rules = new CapRules(_store.Database);
    }

    public async Task DisposeAsync() => await _store.DisposeAsync();

    [Fact]
    public async Task A_rule_is_kept_changed_and_removed()
    {
        var rule = Rule("shop", CapKind.Label, "promo");
        var made = await _rules.AddAsync(rule, default);
        made.Number.ShouldBeGreaterThan(0);
        Same(made, rule with { Number = made.Number });
        (await _rules.AddAsync(rule, default)).Number.ShouldBe(made.Number); // repeated

        var changed = (await _rules.ChangeAsync("shop", rule.Id, [TrafficClass.Campaign], 9, TimeSpan.FromMinutes(5), default)).ShouldNotBeNull();
        Same(changed, made with { Classes = [TrafficClass.Campaign], Limit = 9, Window = TimeSpan.FromMinutes(5) });
        Same((await _rules.GetAsync("shop", rule.Id, default))!, changed);

        (await _rules.RemoveAsync("shop", rule.Id, default)).ShouldBeTrue();
        (await _rules.RemoveAsync("shop", rule.Id, default)).ShouldBeFalse();
        (await _rules.GetAsync("shop", rule.Id, default)).ShouldBeNull();
    }

    [Fact]
    public async Task A_tenant_sees_its_own_rules_only_newest_first()
    {
        var rules = new List<CapRule>();
        for (var i = 0; i < 5; i++)
        {
            rules.Add(await _rules.AddAsync(Rule("shop", CapKind.Global, "") with { Id = Id.New(DateTimeOffset.UtcNow.AddSeconds(i)) }, default));
        }

        var foreign = await _rules.AddAsync(Rule("other", CapKind.Global, ""), default);
        var first = await _rules.ListAsync("shop", null, 3, default);
        var second = await _rules.ListAsync("shop", first[^1].Id, 3, default);
        first.Concat(second).Select(rule => rule.Id).ShouldBe(rules.Select(rule => rule.Id).Reverse());

        (await _rules.GetAsync("shop", foreign.Id, default)).ShouldBeNull();
        (await _rules.ChangeAsync("shop", foreign.Id, [TrafficClass.Campaign], 1, TimeSpan.FromHours(1), default)).ShouldBeNull();
        (await _rules.RemoveAsync("shop", foreign.Id, default)).ShouldBeFalse();
        (await _rules.AllAsync(default)).Count.ShouldBe(6);
    }

    private static CapRule Rule(string tenant, CapKind kind, string subject) =>
        new(0, Id.New(DateTimeOffset.UtcNow), tenant, kind, subject, [TrafficClass.Campaign, TrafficClass.Automation], 3, TimeSpan.FromDays(1));

    private static void Same(CapRule one, CapRule other)
    {
        one.Classes.ShouldBe(other.Classes);
        (one with { Classes = [] }).ShouldBe(other with { Classes = [] });
    }
}
