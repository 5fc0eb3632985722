using Dispatch.Contracts;
using Dispatch.Router.Suppressions;
using Dispatch.Store;
using Dispatch.Testing;

namespace Dispatch.Router.Tests.Suppressions;

public sealed class SuppressionCopyTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder _folder = new();
    private TestDatabase _store = null!;

    public async Task InitializeAsync() => _store = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _store.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_router_that_starts_while_the_store_is_away_asks_its_last_copy()
    {
        var (suppressed, removed, reached) = (Email(), Email(), Email());
        await using (var first = await RunningRouter.StartAsync(_folder.Path, _store))
        {
            await first.Service<Database>().WhenReadyAsync(default);
            var store = first.Service<SuppressionStore>();
            await store.AddAsync([Row(suppressed), Row(removed)], default);
            await Eventually.HoldsAsync(() => first.Service<SuppressionCopy>().Count == 2);
            await store.RemoveAsync(Given.Tenant, Channel.Email, Row(removed).AddressKey, default);
            await Eventually.HoldsAsync(() => first.Service<SuppressionCopy>().Count == 1);
        }

        await _store.SetAwayAsync(true);
        await using var second = await RunningRouter.StartAsync(_folder.Path, _store);
        await second.PostAsync(suppressed, removed, reached);
        await second.SettledAsync(3);
        (await second.OutcomesAsync()).Single(outcome => outcome.Kind == OutcomeKind.Suppressed).MessageId.ShouldBe(suppressed.Recipients[0].Addresses[0].MessageId);
        (await second.RoutedAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Without_any_copy_nothing_is_routed_until_the_store_answers()
    {
        await _store.SetAwayAsync(true);
        await using var router = await RunningRouter.StartAsync(_folder.Path, _store);
        var request = Email();
        await router.PostAsync(request);
        var health = router.Service<Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckService>();
        await Eventually.HoldsAsync(async () => (await health.CheckHealthAsync()).Entries["router"].Status == Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Unhealthy);
        (await router.OutcomesAsync()).ShouldBeEmpty();

        await _store.SetAwayAsync(false);
        await router.SettledAsync(1, OutcomeKind.Routed);
    }

    private static Request Email() => Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);

    private static Suppression Row(Request request) => new(
        Given.Tenant, Channel.Email, request.Recipients[0].Addresses[0].AddressKey.ToByteArray(), "complaint", DateTimeOffset.UtcNow);
}
