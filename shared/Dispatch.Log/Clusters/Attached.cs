using Microsoft.Extensions.Logging;

namespace Dispatch.Log.Clusters;

/// <summary>One of several clusters.</summary>
/// <param name="Number">0 to <see cref="ClusterNumber.Max"/>; never given to another one.</param>
/// <param name="Name">What people call it; weights are set by it.</param>
/// <param name="Weight">The share of new records that it gets unless somebody diverts them, in parts of the sum over all.</param>
public sealed record Cluster(int Number, string Name, int Weight, IEventLog Log);

/// <summary>A cluster, and whether it can be used yet.</summary>
sealed class Attached(Cluster cluster)
{
    private readonly TaskCompletionSource _usable = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Number => cluster.Number;

    public string Name => cluster.Name;

    public IEventLog Log => cluster.Log;

    public Task Usable => _usable.Task;

    /// <summary>Why not; null: it can.</summary>
    public string? Fault { get; private set; } = "it was not reached yet";

    /// <summary>The same, or <see cref="LogUnavailableException"/>.</summary>
    public IEventLog Open => Fault is { } fault ? throw new LogUnavailableException($"Cluster {Name} cannot be used: {fault}") : Log;

    /// <summary>It is open; compares it with another: the twin of a record is looked for under the same partition's number.</summary>
    public void Admit(IEventLog? other, IReadOnlyCollection<string> topics, ILogger log)
    {
        if (other is not null && topics.FirstOrDefault(topic => other.PartitionsOf(topic) != Log.PartitionsOf(topic)) is { } topic)
        {
            Fault = $"{topic} has {Log.PartitionsOf(topic)} partitions there and {other.PartitionsOf(topic)} elsewhere; all clusters need the same number (./dispatch topics)";
            log.ClusterRefused(Name, Fault);
            return;
        }

        Fault = null;
        _usable.TrySetResult();
    }
}
