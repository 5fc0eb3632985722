using System.Security.Cryptography;
using Dispatch.Contracts;
using Dispatch.Store;
using Dispatch.Testing;

namespace Dispatch.Router.Tests.Store;

public sealed class CapLedgerTests : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public async Task InitializeAsync() => _store = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync() => await _store.DisposeAsync();

    [Fact]
    public async Task What_was_decided_is_found_again_and_readable_for_people()
    {
        var (recipient, message) = (Guid.NewGuid(), Id.New(DateTimeOffset.UtcNow));
        var place = new CapPlace(CapPlace.KeyOf(message), 7, (uint)DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds());
        await DecideAsync([recipient], (_, _) => [place]);

        CapPlace[] seen = [];
        await DecideAsync([recipient], (_, places) =>
        {
            seen = places.ToArray();
            return null;
        });
        seen.ShouldBe([place]);
        (await _store.ScalarAsync<string>("select rule || ' ' || message_id_ends_with || ' ' || extract(epoch from p.until)::bigint from caps, cap_places(places) p"))
            .ShouldBe($"7 {message.ToGuid().ToString("N")[16..]} {place.Until}");
        (await _store.ScalarAsync<long>("select until from caps")).ShouldBe(place.Until);
    }

    [Fact]
    public async Task Two_who_make_the_same_recipients_at_once_both_count()
    {
        var recipients = Enumerable.Range(0, 50).Select(_ => Guid.NewGuid()).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(n => Task.Run(async () =>
        {
            var order = recipients.ToArray();
            Random.Shared.Shuffle(order);
            await DecideAsync(order[..30], (_, places) => [.. places, new CapPlace((ulong)n, n, 1)]);
        })));

        (await _store.ScalarAsync<long>("select sum(length(places) / 16)::bigint from caps")).ShouldBe(20 * 30);
        (await _store.ScalarAsync<long>("select count(*) from caps c, lateral (select count(distinct rule) d, count(*) n from cap_places(c.places)) p where d <> n")).ShouldBe(0);
    }

    [Fact]
    public async Task Routers_and_releases_cross_without_waiting_in_a_circle()
    {
        var recipients = Enumerable.Range(0, 40).Select(_ => Guid.NewGuid()).ToArray();
        var routers = Enumerable.Range(0, 6).Select(n => Task.Run(async () =>
        {
            for (var round = 0; round < 15; round++)
            {
                var some = Some(recipients);
                await DecideAsync(some, (_, places) => [.. places, new CapPlace((ulong)((n * 1_000) + round), n, (uint)round)]);
            }
        }));
        var releases = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var round = 0; round < 15; round++)
            {
                var messages = Some(recipients).SelectMany(key => Enumerable.Range(0, 6).Select(n => (key.ToByteArray(bigEndian: true), new Id((UInt128)(n * 1_000 + round)).ToGuid()))).ToList();
                await _store.Database.InTransactionAsync((connection, transaction) => CapLedger.ReleaseAsync(connection, transaction, messages), CancellationToken.None);
            }
        }));

        await Task.WhenAll(routers.Concat(releases)); // PostgreSQL ends a circle with an exception
    }

    [Fact]
    public async Task A_release_takes_all_places_of_its_message_and_no_other()
    {
        var (recipient, gone, stays) = (RandomNumberGenerator.GetBytes(16), new Id(1), new Id(2));
        var key = new Guid(recipient, bigEndian: true);
        await DecideAsync([key], (_, _) => [new CapPlace(1, 1, 50), new CapPlace(2, 1, 60), new CapPlace(1, 2, 70)]);

        for (var twice = 0; twice < 2; twice++)
        {
            await _store.Database.InTransactionAsync(
                (connection, transaction) => CapLedger.ReleaseAsync(
                    connection, transaction, [(recipient, gone.ToGuid()), (recipient, gone.ToGuid()), (RandomNumberGenerator.GetBytes(16), stays.ToGuid())]),
                CancellationToken.None);
            (await _store.ScalarAsync<string>("select string_agg(rule || ':' || message_id_ends_with, ',') from caps, cap_places(places)")).ShouldBe("1:0000000000000002");
            (await _store.ScalarAsync<long>("select until from caps")).ShouldBe(60);
        }
    }

    private static Guid[] Some(Guid[] of)
    {
        var some = of.ToArray();
        Random.Shared.Shuffle(some);
        return some[..25];
    }

    private async Task DecideAsync(Guid[] recipients, CapDecide decide)
    {
        await using var connection = await _store.Database.OpenAsync(CancellationToken.None);
        await CapLedger.DecideAsync(connection, recipients, decide, CancellationToken.None);
    }
}
