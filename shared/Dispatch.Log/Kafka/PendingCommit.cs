namespace Dispatch.Log.Kafka;

/// <summary>A commit that waits for its transaction.</summary>
sealed class PendingCommit(MemberPartition partition, IReadOnlyList<Record> outputs, Position position)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MemberPartition Partition => partition;

    public IReadOnlyList<Record> Outputs => outputs;

    public Position Position => position;

    public Task Task => _done.Task;

    public void Succeed() => _done.TrySetResult();

    public void Fail(Exception why) => _done.TrySetException(why);

    public void LoseLease() => Fail(new LeaseLostException($"{partition.Id.Topic}/{partition.Id.Partition} was handed over: nothing was written, or its new owner has seen what was."));
}
