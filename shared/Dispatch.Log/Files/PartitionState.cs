namespace Dispatch.Log.Files;

/// <summary>One partition of one topic while the log is open.</summary>
/// <param name="index">its number among all partitions of the log</param>
sealed class PartitionState(string topic, int topicId, int number, int index)
{
    private long _end;
    private TaskCompletionSource? _moved;

    public TopicPartition Id { get; } = new(topic, number);

    public int TopicId => topicId;

    public int Index => index;

    /// <summary>The next offset to give out. The committing thread's own; it runs ahead of <see cref="End"/> while a group is written.</summary>
    public long Assigned { get; set; }

    /// <summary>The offset behind the last durable record: as far as anybody may read.</summary>
    public long End => Volatile.Read(ref _end);

    /// <summary>What was assigned is durable: readers may have it.</summary>
    public void Publish()
    {
        Volatile.Write(ref _end, Assigned);
        Interlocked.Exchange(ref _moved, null)?.TrySetResult();
    }

    /// <returns>Done once the end is above <paramref name="offset"/>.</returns>
    public Task Above(long offset)
    {
        if (End > offset)
        {
            return Task.CompletedTask;
        }

        var moved = Volatile.Read(ref _moved);
        if (moved is null)
        {
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            moved = Interlocked.CompareExchange(ref _moved, mine, null) ?? mine;
        }

        return End > offset ? Task.CompletedTask : moved.Task; // asked again: Publish may have passed between
    }
}
