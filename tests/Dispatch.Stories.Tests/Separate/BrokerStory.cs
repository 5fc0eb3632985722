using Xunit.Abstractions;

namespace Dispatch.Stories.Tests.Separate;

/// <summary>Three copies, two in sync: one broker at a time may go without anybody noticing.</summary>
public sealed class BrokerStory(Deployment deployment, ITestOutputHelper output) : SeparateStory(deployment, output)
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Frozen = TimeSpan.FromSeconds(60);

    [KafkaFact]
    public Task One_broker_killed_and_restarted_under_load_costs_callers_nothing() => PlayAsync(seed: 204, perSecond: 30, async session =>
    {
        var broker = Deployment.Brokers.Nodes[0];
        Mark($"kill -9 broker on {broker.Port}");
        await broker.KillAsync();
        await Task.Delay(Away);
        Mark("start again");
        broker.Start();
        await Deployment.Brokers.InSyncAsync(default);
        Mark("in sync");
        await GoesThroughAsync(session);
    });

    [KafkaFact]
    public Task Brokers_restarted_one_after_the_other_cost_callers_nothing() => PlayAsync(seed: 205, perSecond: 30, async session =>
    {
        foreach (var broker in Deployment.Brokers.Nodes)
        {
            Mark($"SIGTERM broker on {broker.Port}");
            await broker.StopAsync();
            broker.Start();
            await Deployment.Brokers.InSyncAsync(default);
            Mark("in sync");
        }

        await GoesThroughAsync(session);
    });

    [KafkaFact]
    public Task One_broker_frozen_for_a_minute_costs_callers_nothing() => PlayAsync(seed: 206, perSecond: 30, async session =>
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
}
