using System.Security.Cryptography;
using Dispatch.Contracts;
using Dispatch.Store;
using Dispatch.Testing;

namespace Dispatch.Router.Tests.Store;

public sealed class SuppressionStoreTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Day = new(2026, 11, 20, 0, 0, 0, TimeSpan.Zero);
    private TestDatabase _store = null!;
    private SuppressionStore _suppressions = null!;

    public async Task InitializeAsync()
    {
        _store = await PostgresServer.CreateDatabaseAsync();
        _suppressions = new SuppressionStore(_store.Database, TimeProvider.System);
    }

    public async Task DisposeAsync() => await _store.DisposeAsync();

    [Fact]
    public async Task Adding_twice_adds_once_and_keeps_the_first_reason()
    {
        var row = Row(1);
        (await _suppressions.AddAsync([row, row, Row(2)], default)).ShouldBe(2);
        (await _suppressions.AddAsync([row with { Reason = "later" }], default)).ShouldBe(0);
        (await _suppressions.ListAsync("shop", null, null, 10, default)).Select(it => it.Reason).ShouldBe(["Unregistered", "Unregistered"]);
    }

    [Fact]
    public async Task A_removed_one_is_gone_and_may_come_back()
    {
        await _suppressions.AddAsync([Row(1)], default);
        (await _suppressions.RemoveAsync("other", Channel.Email, Key(1), default)).ShouldBeFalse();
        (await _suppressions.RemoveAsync("shop", Channel.Email, Key(1), default)).ShouldBeTrue();
        (await _suppressions.RemoveAsync("shop", Channel.Email, Key(1), default)).ShouldBeFalse();
        (await _suppressions.ListAsync("shop", null, null, 10, default)).ShouldBeEmpty();
        (await _suppressions.AddAsync([Row(1)], default)).ShouldBe(1);
        (await _suppressions.ListAsync("shop", null, null, 10, default)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Pages_are_newest_first_and_complete()
    {
        var rows = Enumerable.Range(0, 10).Select(i => Row(i) with { CreatedAt = Day.AddMinutes(i / 3), Channel = i % 2 == 0 ? Channel.Email : Channel.Sms }).ToList();
        await _suppressions.AddAsync(rows, default);
        await _suppressions.AddAsync([Row(99) with { Tenant = "other" }], default);

        var seen = new List<Suppression>();
        for (List<Suppression> page; (page = await _suppressions.ListAsync("shop", null, seen.LastOrDefault(), 4, default)).Count > 0;)
        {
            seen.AddRange(page);
        }

        seen.Select(it => it.CreatedAt).ShouldBeInOrder(SortDirection.Descending);
        seen.Select(it => it.AddressKey[0]).Order().ShouldBe(Enumerable.Range(0, 10).Select(i => (byte)i));
        (await _suppressions.ListAsync("shop", Channel.Sms, null, 100, default)).Count.ShouldBe(5);
    }

    [Fact]
    public async Task Who_asks_for_changes_hears_of_a_transaction_that_commits_late()
    {
        var known = new Dictionary<byte, bool>();
        void Change(Channel channel, ReadOnlyMemory<byte> key, bool suppressed) => known[key.Span[0]] = suppressed;

        await _suppressions.AddAsync([Row(1), Row(5)], default);
        await using var slow = await _store.Database.OpenAsync(default);
        await using var transaction = await slow.BeginTransactionAsync();
        await SuppressionStore.AddAsync(slow, transaction, [Row(2)]); // not committed yet
        await _suppressions.AddAsync([Row(3)], default);

        var next = await _suppressions.ChangedAsync(0, Change, default);
        known.ShouldBe(new Dictionary<byte, bool> { [1] = true, [5] = true, [3] = true }, ignoreOrder: true);

        await transaction.CommitAsync();
        await _suppressions.RemoveAsync("shop", Channel.Email, Key(1), default);
        known.Clear();
        (await _suppressions.ChangedAsync(next, Change, default)).ShouldBeGreaterThanOrEqualTo(next);
        known.ShouldContainKeyAndValue((byte)2, true);
        known.ShouldContainKeyAndValue((byte)1, false);

        known.Clear();
        await _suppressions.ChangedAsync(0, Change, default);
        known.Keys.Order().ShouldBe([(byte)2, (byte)3, (byte)5]);
    }

    private static byte[] Key(int n) => [(byte)n, .. new byte[15]];

    private static Suppression Row(int n) => new("shop", Channel.Email, Key(n), "Unregistered", Day.AddSeconds(n));
}
