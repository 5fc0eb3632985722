using Dispatch.Contracts;
using Dispatch.Store.Control;
using Dispatch.Testing;

namespace Dispatch.Store.Tests;

public class ControlStoreTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly CancellationToken Never = CancellationToken.None;
    private TestDatabase _database = null!;
    private ControlStore _store = null!;

    public async Task InitializeAsync()
    {
        _database = await PostgresServer.CreateDatabaseAsync();
        _store = new ControlStore(_database.Database);
    }

    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task A_switch_is_read_back_with_its_scope_and_a_version()
    {
        var mode = Mode("pause", new ModeScope(Channel.Email, TrafficClass.Campaign, "shop", "relay-1"));
        var stored = await _store.SwitchAsync(mode, "ada", Never);
        (await _store.ReadAsync(Now, Never)).Modes.ShouldBe([stored]);
        stored.ShouldBe(mode with { Version = stored.Version });
    }

    [Fact]
    public async Task The_newest_of_a_scope_holds_and_other_scopes_stand_beside_it()
    {
        await _store.SwitchAsync(Mode("pause", new ModeScope()), "ada", Never);
        await _store.SwitchAsync(Mode("run", new ModeScope()), "ada", Never);
        await _store.SwitchAsync(Mode("drain", new ModeScope(Channel.Sms)), "ada", Never);
        (await _store.ReadAsync(Now, Never)).Modes.Select(it => it.Value).Order().ShouldBe(["drain", "run"]);
        (await _store.ReadAsync(Now.AddHours(2), Never)).Modes.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_cancellation_is_seen_until_nothing_of_it_can_be_alive()
    {
        var request = Id.New(Now);
        await _store.CancelAsync("shop", request, "ada", Now, Now.AddHours(1), Never);
        await _store.CancelAsync("shop", request, "ada", Now, Now.AddHours(1), Never);
        (await _store.ReadAsync(Now, Never)).CancelledRequests.ShouldBe([request]);
        (await _store.ReadAsync(Now.AddHours(1), Never)).CancelledRequests.ShouldBeEmpty();
        await _store.ForgetAsync(Now.AddHours(1), Never);
        (await _store.ReadAsync(Now, Never)).CancelledRequests.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_audit_is_a_chain_that_shows_a_changed_line()
    {
        for (var i = 0; i < 5; i++)
        {
            await _store.AuditAsync(Now.AddMilliseconds(i), "ada", "test", $$"""{"n":{{i}}}""", Never);
        }

        (await _store.FirstBrokenAuditLineAsync(Never)).ShouldBeNull();
        await _database.ExecuteAsync("update control.audit set who = 'eve' where seq = 3");
        (await _store.FirstBrokenAuditLineAsync(Never)).ShouldBeNull("the rule refuses the change");
        await _database.ExecuteAsync("alter table control.audit disable rule audit_keeps_words; update control.audit set who = 'eve' where seq = 3");
        (await _store.FirstBrokenAuditLineAsync(Never)).ShouldBe(3);
    }

    [Fact]
    public async Task Many_at_once_make_one_chain()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => _store.AuditAsync(Now, $"writer {i}", "test", "{}", Never)));
        (await _store.FirstBrokenAuditLineAsync(Never)).ShouldBeNull();
    }

    private static Mode Mode(string value, ModeScope scope) => new(Switches.Dispatch, value, scope, "why", "ada", Now, Now.AddHours(1), Automatic: false, Version: 0);
}
