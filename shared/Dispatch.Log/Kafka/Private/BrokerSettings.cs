using System.Globalization;

namespace Dispatch.Log.Kafka.Private;

/// <summary>server.properties of one node. A cluster notices within three seconds that a node has gone: writes stall no longer than that.</summary>
static class BrokerSettings
{
    public static string Of(string folder, int node, int nodes, int firstPort)
    {
        var (replication, inSync) = (Math.Min(nodes, 3), Math.Max(1, Math.Min(nodes, 3) - 1));
        var voters = string.Join(',', Enumerable.Range(0, nodes).Select(n => string.Create(CultureInfo.InvariantCulture, $"{n + 1}@127.0.0.1:{firstPort + (2 * n) + 1}")));
        var port = firstPort + (2 * node);
        return string.Create(CultureInfo.InvariantCulture, $"""
            process.roles=broker,controller
            node.id={node + 1}
            controller.quorum.voters={voters}
            controller.listener.names=CONTROLLER
            listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}
            advertised.listeners=CLIENT://127.0.0.1:{port}
            listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
            inter.broker.listener.name=CLIENT
            log.dirs={Path.Combine(folder, "data")}
            default.replication.factor={replication}
            min.insync.replicas={inSync}
            offsets.topic.replication.factor={replication}
            offsets.topic.num.partitions=8
            transaction.state.log.replication.factor={replication}
            transaction.state.log.min.isr={inSync}
            transaction.state.log.num.partitions=8
            share.coordinator.state.topic.replication.factor={replication}
            share.coordinator.state.topic.min.isr={inSync}
            log.cleaner.dedupe.buffer.size=16777216
            group.initial.rebalance.delay.ms=0
            unclean.leader.election.enable=false
            auto.create.topics.enable=false
            broker.session.timeout.ms=3000
            broker.heartbeat.interval.ms=500

            """);
    }
}
