using Dispatch.Cli.Gameday;
using Dispatch.Log.Kafka.Private;
using Dispatch.Testing;
using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>Three copies, two in sync: one broker at a time may go without anybody noticing; and when all are gone, callers notice nothing.</summary>
public sealed class BrokerStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AllAway = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Frozen = TimeSpan.FromSeconds(60);

    [SeparateFact]
    public Task One_broker_killed_and_restarted_under_load_costs_callers_nothing() => PlayAsync(seed: 204, perSecond: PerSecond, async session =>
    {
        var broker = Deployment.Brokers.Nodes[0];
        Mark($"kill -9 broker on {broker.Port}");
        await broker.KillAsync();
        await Task.Delay(Away);
        Mark("start again");
        await StartAsync(broker);
        await GoesThroughAsync(session);
    });

    [SeparateFact]
    public Task Brokers_restarted_one_after_the_other_cost_callers_nothing() => PlayAsync(seed: 205, perSecond: PerSecond, async session =>
    {
        foreach (var broker in Deployment.Brokers.Nodes)
        {
            Mark($"SIGTERM broker on {broker.Port}");
            await broker.StopAsync();
            await StartAsync(broker);
        }

        await GoesThroughAsync(session);
    });

    [SeparateFact]
    public Task All_brokers_killed_for_a_minute_cost_callers_nothing() => PlayAsync(seed: 207, perSecond: PerSecond, async session =>
    {
        await KillAllAsync();
        await Task.Delay(AllAway);
        await StartAllAsync();
        await GoesThroughAsync(session);
    });

    /// <summary>What it had spooled is on its disk, what it had drained is marked: nothing is lost and nothing doubled, whenever it dies.</summary>
    [SeparateFact]
    public Task Ingest_killed_while_it_spools_and_while_it_drains_loses_and_doubles_nothing() => PlayAsync(seed: 208, perSecond: PerSecond, async session =>
    {
        await KillAllAsync();
        await AcceptsAsync(session, 300);
        await KillIngestAsync(it => it.StartInNeedAsync(StartPatience));
        await AcceptsAsync(session, 300);
        await StartAllAsync();
        await KillIngestAsync(it => it.StartAsync(StartPatience));
        await GoesThroughAsync(session);
    }, alwaysOpen: false);

    [SeparateFact]
    public Task One_broker_frozen_for_a_minute_costs_callers_nothing() => PlayAsync(seed: 206, perSecond: PerSecond, async session =>
    {
        var broker = Deployment.Brokers.Nodes[1];
        Mark($"SIGSTOP broker on {broker.Port}");
        broker.Freeze();
        await Task.Delay(Frozen);
        Mark("SIGCONT");
        broker.Thaw();
        await Deployment.Brokers.InSyncAsync(default);
        Mark("in sync");
        await GoesThroughAsync(session);
    });

    /// <summary>It shares its processors with nobody, as brokers do.</summary>
    private async Task StartAsync(BrokerProcess broker)
    {
        broker.Start();
        await Aside.StartAsync(broker.ProcessId!.Value, () => Deployment.Brokers.ReadyAsync(default));
        await Deployment.Brokers.InSyncAsync(default);
        Mark("in sync");
    }

    private async Task KillAllAsync()
    {
        Mark("kill -9 all brokers");
        await Deployment.Brokers.KillAsync();
    }

    private async Task StartAllAsync()
    {
        Mark("start them again");
        foreach (var broker in Deployment.Brokers.Nodes)
        {
            broker.Start();
        }

        await Deployment.Brokers.InSyncAsync(default);
        Mark("in sync");
    }

    private async Task KillIngestAsync(Func<Instance, Task> start)
    {
        Mark("kill -9 ingest");
        await Deployment["ingest"].KillAsync();
        await start(Deployment["ingest"]);
        Mark("ingest is back");
    }

    private static Task AcceptsAsync(Session session, int more)
    {
        var before = session.Load.Promised.Count;
        return Eventually.HoldsAsync(() => session.Load.Promised.Count >= before + more, StartPatience);
    }
}
