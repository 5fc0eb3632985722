using Dispatch.Log;

namespace Dispatch.Testing;

public static class EventLogs
{
    /// <summary>Where a group stands in one partition; null: it never committed there.</summary>
    public static async ValueTask<Position?> PositionAsync(this IEventLog log, string group, TopicPartition partition)
    {
        ArgumentNullException.ThrowIfNull(log);
        return (await log.PositionsAsync(group, [partition]))[partition];
    }
}
