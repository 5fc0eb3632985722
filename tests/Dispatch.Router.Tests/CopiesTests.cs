using Dispatch.Contracts;
using Dispatch.Router.Capping;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Dispatch.Testing;

namespace Dispatch.Router.Tests;

/// <summary>The Router looks by itself every five minutes only: what it knows sooner, the store has told it.</summary>
public sealed class CopiesTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private TestDatabase _store = null!;
    private RunningRouter _router = null!;

    public async Task InitializeAsync()
    {
        _store = await PostgresServer.CreateDatabaseAsync();
        _router = await RunningRouter.StartAsync(_folder.Path, _store, ("Dispatch:Router:RefreshInterval", "00:05:00"));
        await _router.Service<CapRuleBook>().WhenKnownAsync(default);
        await _router.Service<SuppressionCopy>().WhenKnownAsync(default);
    }

    public async Task DisposeAsync()
    {
        await _router.DisposeAsync();
        await _store.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_rule_is_in_force_when_the_store_tells_of_it_and_no_longer_when_it_is_taken_back()
    {
        var rules = new CapRules(_store.Database);
        var book = _router.Service<CapRuleBook>();
        var rule = new CapRule(0, Id.New(DateTimeOffset.UtcNow), Given.Tenant, CapKind.Global, "", [.. Topics.Classes], 3, TimeSpan.FromDays(1));
        var added = await rules.AddAsync(rule, default);
        await Eventually.HoldsAsync(() => book.Count == 1);
        (await rules.RemoveAsync(Given.Tenant, added.Id, default)).ShouldBeTrue();
        await Eventually.HoldsAsync(() => book.Count == 0);
    }

    [Fact]
    public async Task A_suppression_is_in_force_when_the_store_tells_of_it()
    {
        var address = Given.AddressKey(Given.Recipient(), Channel.Email);
        await _router.Service<SuppressionStore>().AddAsync([new Suppression(Given.Tenant, Channel.Email, address, "complaint", DateTimeOffset.UtcNow)], default);
        await Eventually.HoldsAsync(() => _router.Service<SuppressionCopy>().Count == 1);
    }
}
