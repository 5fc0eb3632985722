using Dispatch.Store.Idempotency;
using Dispatch.Testing;

namespace Dispatch.Store.Tests;

public class ClaimTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly CancellationToken Never = CancellationToken.None;
    private TestDatabase _database = null!;
    private ClaimConnection _connection = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresServer.CreateDatabaseAsync();
        _connection = await new IdempotencyStore(_database.Database).ConnectAsync(Never);
    }

    public async Task DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>The first statement after a repeat is another one than the second: what they do is the same.</summary>
    [Fact]
    public async Task A_known_key_costs_its_neighbours_nothing_and_what_rides_along_is_not_lost()
    {
        var (first, second, third) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        (await ClaimAsync(first, [], 1, 2)).ShouldBe(2);
        (await ClaimAsync(second, [first], 2, 3)).ShouldBe(1);
        (await ClaimAsync(third, [second], 1, 3, 4)).ShouldBe(1);

        var rows = (await _connection.LookAsync([Key(1), Key(2), Key(3), Key(4)], Now, Never)).OrderBy(row => row.Key).ToList();
        rows.Select(row => row.Claim).ShouldBe([first, first, second, third]);
        rows.Select(row => row.Settled).ShouldBe([true, true, true, false]);
    }

    [Fact]
    public async Task Repeats_are_expected_for_a_while_after_one_and_then_no_more()
    {
        await ClaimAsync(Guid.NewGuid(), [], 1);
        (await ClaimAsync(Guid.NewGuid(), [], 1)).ShouldBe(0);
        (await ClaimAsync(Guid.NewGuid(), [], 2)).ShouldBe(1);
        (await ClaimAsync(Guid.NewGuid(), [], Now.AddMinutes(1), 2, 3)).ShouldBe(1);
    }

    private Task<int> ClaimAsync(Guid claim, Guid[] settled, params int[] keys) => ClaimAsync(claim, settled, Now, keys);

    private Task<int> ClaimAsync(Guid claim, Guid[] settled, DateTimeOffset now, params int[] keys) => _connection.ClaimAsync(
        [.. keys.Select(Key)], [.. keys.Select(Key)], [.. keys.Select(_ => now.UtcDateTime)], claim, settled, now, now.AddSeconds(15), Never);

    private static Guid Key(int number) => new(number, 0, 0, new byte[8]);
}
