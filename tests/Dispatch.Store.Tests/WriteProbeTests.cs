using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Dispatch.Store.Tests;

public sealed class WriteProbeTests : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task A_store_that_only_reads_is_not_writable_and_comes_back_by_itself()
    {
        using var probe = new WriteProbe(
            database.Database, Options.Create(new StoreOptions { ProbeInterval = TimeSpan.FromMilliseconds(100) }), TimeProvider.System, NullLogger<WriteProbe>.Instance);
        var seen = new List<bool>();
        probe.Changed += seen.Add;
        probe.Writable.ShouldBeFalse("nothing has been written yet");
        await probe.StartAsync(default);
        await probe.WhenWritableAsync(default);

        await database.SetReadOnlyAsync(true);
        await Eventually.HoldsAsync(() => !probe.Writable && probe.Reason.Contains("read-only", StringComparison.Ordinal));
        await database.SetReadOnlyAsync(false);
        await probe.WhenWritableAsync(default).WaitAsync(TimeSpan.FromSeconds(10));

        await database.SetAwayAsync(true);
        await Eventually.HoldsAsync(() => !probe.Writable);
        await database.SetAwayAsync(false);
        await probe.WhenWritableAsync(default).WaitAsync(TimeSpan.FromSeconds(10));
        await probe.StopAsync(default);
        seen.ShouldBe([true, false, true, false, true]);
    }
}
