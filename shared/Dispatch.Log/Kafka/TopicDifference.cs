namespace Dispatch.Log.Kafka;

public enum TopicFix
{
    /// <summary>Applying makes it so.</summary>
    Applied,

    /// <summary>Applying makes it so, and keys move to other partitions: records of one key that were written before and after may overtake one another.</summary>
    MovesKeys,

    /// <summary>Only a person can: the text says how.</summary>
    ByHand,
}

/// <summary>One thing that is not as it should be.</summary>
/// <param name="What">"topic", "partitions", "replication", "identity", or the name of a setting.</param>
/// <param name="Is">Null: missing.</param>
/// <param name="BreaksPromise">Services refuse to start on it.</param>
public sealed record TopicDifference(string Topic, string What, string? Is, string ShouldBe, TopicFix Fix, bool BreaksPromise)
{
    public override string ToString() => (What, Fix) switch
    {
        ("topic", _) => $"{Topic}: is missing ({ShouldBe})",
        ("replication", _) => $"{Topic}: has {Is} copies, should have {ShouldBe}; move it by kafka-reassign-partitions",
        ("partitions", TopicFix.ByHand) => $"{Topic}: has {Is} partitions, more than the {ShouldBe} that are configured; partitions cannot be taken away, so set Dispatch:Kafka:Partitions to {Is}",
        ("partitions", _) => $"{Topic}: has {Is} partitions, should have {ShouldBe}; keys move to other partitions when they are added",
        _ => $"{Topic}: {What} is {Is ?? "not set"}, should be {ShouldBe}",
    };
}
