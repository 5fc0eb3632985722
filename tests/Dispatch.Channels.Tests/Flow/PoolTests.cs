using Dispatch.Channels.Flow;
using Dispatch.Channels.Journal;
using Dispatch.Channels.Lanes;
using Dispatch.Channels.Tests.Wire;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Flow;

/// <summary>The pool between real feeds of a real log and the seats of lanes.</summary>
public sealed class PoolTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly DispatcherOptions _options = new() { WaitingMax = 64 };
    private readonly Dictionary<TrafficClass, Feed> _feeds = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Seat _any = new(0, Rig.Lane("any"), TimeProvider.System);
    private readonly Seat _acme = new(1, Rig.Lane("acme", [Rig.Tenant]), TimeProvider.System);
    private readonly SteppedClock _clock = new();
    private FileLog _log = null!;
    private JournalFile _journal = null!;
    private ControlSnapshot _snapshot = ControlSnapshot.Empty;
    private Task _run = Task.CompletedTask;
    private Pool _pool = null!;

    public async Task InitializeAsync()
    {
        _log = Rig.OpenLog(_folder["log"]);
        var topics = Topics.Classes.Select(of => Topics.Messages(Channel.Push, of)).ToArray();
        _journal = JournalFile.Open(new JournalSettings(_folder["journal"], "push", topics, 1024 * 1024, long.MaxValue, TimeSpan.Zero, default), NullLogger.Instance);
        _run = _log.RunAsync(new Group("push", topics), async (partition, stop) =>
        {
            lock (_feeds)
            {
                var topic = Array.IndexOf(topics, partition.Id.Topic);
                _feeds.TryAdd(Topics.Classes[topic], new Feed(partition, topic, Topics.Classes[topic], partition.Start, _journal, _options, TimeProvider.System, NullLogger.Instance));
            }

            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }, _stop.Token);
        await Eventually.HoldsAsync(() => _feeds.Count == 3);
        var modes = new Modes(Channel.Push, new ChannelControl(() => _snapshot, (_, _, _, _, _) => { }, (_, _, _) => { }), TimeProvider.System, "push-test");
        _pool = new Pool(_options, modes, [_any, _acme], _clock);
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _journal.Dispose();
        await _log.DisposeAsync();
        _folder.Dispose();
        _stop.Dispose();
        _any.Dispose();
        _acme.Dispose();
    }

    [Fact]
    public async Task The_urgent_comes_first_and_for_a_probe_last()
    {
        await PutAsync(TrafficClass.Campaign, TrafficClass.Transactional, TrafficClass.Automation);
        Classes(Take(_any, 3)).ShouldBe(Topics.Classes);
        await PutAsync(TrafficClass.Campaign, TrafficClass.Transactional, TrafficClass.Automation);
        Classes(Take(_any, 3, leastUrgentFirst: true)).ShouldBe(Topics.Classes.Reverse());
    }

    [Fact]
    public async Task A_lane_gets_only_what_it_may_serve()
    {
        await _pool.PutAsync(Item("other"), default);
        await _pool.PutAsync(Item(Rig.Tenant), default);
        Take(_acme, 10).Single().Message.Tenant.ShouldBe(Rig.Tenant);
        Take(_any, 10).Single().Message.Tenant.ShouldBe("other");
    }

    [Fact]
    public async Task Tenants_take_turns_however_much_one_of_them_has()
    {
        for (var i = 0; i < 50; i++)
        {
            await _pool.PutAsync(Item("big"), default);
        }

        await _pool.PutAsync(Item("small"), default);
        Take(_any, 32).Count(it => it.Message.Tenant == "small").ShouldBe(1);
    }

    [Fact]
    public async Task Retries_go_only_as_far_as_they_may()
    {
        for (var i = 0; i < 10; i++)
        {
            var again = Item(Rig.Tenant);
            again.IsRetry = true;
            await _pool.PutAsync(again, default);
            await _pool.PutAsync(Item(Rig.Tenant), default);
        }

        Take(_any, 64, retries: 3).Count(it => it.IsRetry).ShouldBe(3);
        _pool.WorkFor(_any).ShouldBe((true, false));
        Take(_any, 64, retries: 0).ShouldBeEmpty();
        Take(_any, 64, retries: 100).Count.ShouldBe(7);
    }

    [Fact]
    public async Task Who_puts_waits_for_room()
    {
        for (var i = 0; i < _options.WaitingMax; i++)
        {
            await _pool.PutAsync(Item(Rig.Tenant), default);
        }

        var waiting = _pool.PutAsync(Item(Rig.Tenant), default).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        Take(_any, 10);
        waiting.IsCompleted.ShouldBeFalse(); // not for every single place
        Take(_any, 10);
        (await waiting).ShouldBeTrue();
    }

    [Fact]
    public async Task What_no_open_lane_may_serve_gives_way_once_half_of_the_room_is_used()
    {
        _any.State = LaneState.Held;
        for (var i = 0; i < _options.WaitingMax / 2; i++)
        {
            (await _pool.PutAsync(Item("other"), default)).ShouldBeTrue();
        }

        var next = Item("other");
        (await _pool.PutAsync(next, default)).ShouldBeFalse();
        _pool.HeldLaneOf(next).ShouldBe("any");
        (await _pool.PutAsync(Item(Rig.Tenant), default)).ShouldBeTrue();
        _pool.RemoveBlocked().ShouldAllBe(it => it.Message.Tenant == "other");
        _pool.Waiting.ShouldBe(_options.WaitingMax / 2);
    }

    [Fact]
    public async Task What_waits_for_its_time_comes_then_even_if_the_clock_is_set_back()
    {
        _pool.Return(Item(Rig.Tenant), TimeSpan.FromMilliseconds(300));
        Take(_any, 1).ShouldBeEmpty();
        _clock.Step = TimeSpan.FromMinutes(-1);
        await Eventually.HoldsAsync(() => Take(_any, 1).Count == 1);
    }

    [Fact]
    public async Task What_is_taken_out_is_asked_once_wherever_it_waits()
    {
        List<WorkItem> items = [Item(Rig.Tenant), Item(Rig.Tenant), Item(Rig.Tenant), Item(Rig.Tenant)];
        items[1].IsRetry = true;
        await _pool.PutAsync(items[0], default);
        await _pool.PutAsync(items[1], default);
        _pool.Return(items[2], TimeSpan.FromHours(1));
        _pool.Return(items[3], TimeSpan.FromHours(1));
        List<WorkItem> asked = [];
        _pool.Remove(item =>
        {
            asked.Add(item);
            return item != items[3];
        }).ShouldBe(items[..3], ignoreOrder: true);
        asked.ShouldBe(items, ignoreOrder: true);
        _pool.Waiting.ShouldBe(1);
    }

    [Fact]
    public async Task A_lane_that_is_paused_for_a_tenant_leaves_its_messages_to_others()
    {
        _snapshot = new ControlSnapshot(
            [new Mode(Switches.Dispatch, "pause", new ModeScope(Channel.Push, null, Rig.Tenant, "any"), "", "person", default, DateTimeOffset.MaxValue, Automatic: false, 1)], []);
        await _pool.PutAsync(Item(Rig.Tenant), default);
        Take(_any, 1).ShouldBeEmpty();
        Take(_acme, 1).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Tenants_that_callers_make_up_do_not_fill_the_memory()
    {
        for (var i = 0; i < 5_000; i++)
        {
            await _pool.PutAsync(Item($"tenant-{i}"), default);
            Take(_any, 1).Count.ShouldBe(1);
        }

        _pool.Routes.ShouldBeLessThanOrEqualTo(1_025);
    }

    private async Task PutAsync(params TrafficClass[] classes)
    {
        foreach (var of in classes)
        {
            await _pool.PutAsync(Item(Rig.Tenant, of), default);
        }
    }

    private WorkItem Item(string tenant, TrafficClass of = TrafficClass.Transactional) => new(_feeds[of], 0, Rig.NewMessage("x", of, tenant), default, 100);

    private List<WorkItem> Take(Seat lane, int count, int retries = 0, bool leastUrgentFirst = false)
    {
        var items = new WorkItem[count];
        return [.. items.Take(_pool.Take(lane, items, retries, leastUrgentFirst))];
    }

    private static IEnumerable<TrafficClass> Classes(List<WorkItem> items) => items.Select(it => it.Message.Class);

    /// <summary>A machine whose clock is set while it runs.</summary>
    private sealed class SteppedClock : TimeProvider
    {
        public TimeSpan Step { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Step;
    }
}
