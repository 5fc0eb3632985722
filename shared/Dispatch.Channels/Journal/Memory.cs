using Dispatch.Log;

namespace Dispatch.Channels.Journal;

/// <summary>What the journal knows about the open records of a partition: at its first assignment from what was read at start; when it comes back, from the journal as it is then.</summary>
sealed class Memory(JournalFile journal, Dictionary<TopicPartition, Dictionary<long, Remembered>> atStart)
{
    private readonly Lock _gate = new();
    private readonly HashSet<TopicPartition> _asked = [];

    public Dictionary<long, Remembered> Of(IPartition partition)
    {
        lock (_gate)
        {
            var known = _asked.Add(partition.Id)
                ? atStart
                : journal.Recover(it => it == partition.Id ? partition.Start.Next : long.MaxValue, atStart: false);
            return known.Remove(partition.Id, out var records) ? records : [];
        }
    }
}
