using Dispatch.Log;

namespace Dispatch.Feedback;

/// <summary>What the log is told of the store's positions.</summary>
static class LogPosition
{
    /// <summary>
    /// The store's position, or the log's own where that is further: a store that was restored from a backup or made anew is behind it until it has read everything again,
    /// and the log refuses to go back.
    /// </summary>
    public static Position NotBehind(this IPartition partition, long next) => partition.Committed.Next > next ? partition.Committed : new Position(next);
}
