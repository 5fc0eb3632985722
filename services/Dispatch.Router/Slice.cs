using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Router;

/// <summary>Consecutive entries of a batch that wait to be handled.</summary>
/// <param name="BatchEnd">The offset behind the batch, counting what was skipped because it is done.</param>
readonly record struct Slice(IReadOnlyList<Entry> Batch, int First, int Count, long BatchEnd)
{
    public IEnumerable<Entry> Entries => Batch.Skip(First).Take(Count);

    public Entry this[int index] => Batch[First + index];

    /// <summary>Where the position stands when the first so many of them are handled.</summary>
    public long End(int handled) => First + handled == Batch.Count ? BatchEnd : Batch[First + handled].Offset;
}

/// <summary>What is done with the records of one partition, as one straight method.</summary>
interface IHop
{
    /// <summary>Handles the first of the entries, as many as go well together, and commits their results with the position behind them.</summary>
    /// <returns>How many it handled, at least one. After an exception none of them; asking again is safe.</returns>
    Task<int> HandleAsync(Slice slice, CancellationToken stop);

    /// <summary>The messages that are stuck with an entry, for the record; none if it cannot be decoded.</summary>
    IEnumerable<Message> MessagesOf(Entry entry);
}
