using Dispatch.Log;
using Dispatch.Testing;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>A real log of which several processes could have partitions, as on Kafka: it only says so.</summary>
sealed class SharedLog(IEventLog log) : ForwardingLog(log)
{
    public override bool IsExclusive => false;
}
