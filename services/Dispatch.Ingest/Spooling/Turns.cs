using Dispatch.Contracts;

namespace Dispatch.Ingest.Spooling;

/// <summary>
/// The order in which the spool is drained: the urgent first, facts about messages before bulk, and campaigns last. A class that stands still, because its partitions are out, holds up nobody.
/// </summary>
sealed class Turns(Func<string, long> waiting, TimeProvider clock)
{
    private static readonly string[][] Order =
    [
        [Topics.Requests(TrafficClass.Transactional)], [Topics.Outcomes, Topics.Events], [Topics.Requests(TrafficClass.Automation)], [Topics.Requests(TrafficClass.Campaign)],
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly long[] _moved = new long[Order.Length];

    /// <summary>Whether a batch of this topic may go now.</summary>
    public bool Has(string topic)
    {
        for (var rank = 0; rank < RankOf(topic); rank++)
        {
            if (Order[rank].Any(other => waiting(other) > 0) && clock.GetElapsedTime(Volatile.Read(ref _moved[rank])) < Patience)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A batch of it was drained, or is about to be tried after a rest.</summary>
    public void Moved(string topic) => Volatile.Write(ref _moved[RankOf(topic)], clock.GetTimestamp());

    private static int RankOf(string topic) => Array.FindIndex(Order, topics => topics.Contains(topic));
}
