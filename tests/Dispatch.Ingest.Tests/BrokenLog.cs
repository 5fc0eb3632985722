using Dispatch.Contracts;
using Dispatch.Log;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Ingest.Tests;

/// <summary>A log whose disk fails when it is told to, in front of a real one.</summary>
sealed class BrokenLog(IEventLog real) : IEventLog
{
    /// <summary>null: it works.</summary>
    public Persistence? Fault { get; set; }

    public List<Request> Appended { get; } = [];

    public string ClusterId => real.ClusterId;

    public IReadOnlyList<Damage> Damages => real.Damages;

    public void Replace(IServiceCollection services) => services.Replace(ServiceDescriptor.Singleton<IEventLog>(this));

    public int PartitionsOf(string topic) => real.PartitionsOf(topic);

    public async ValueTask AppendAsync(IReadOnlyList<Record> records, CancellationToken stop = default)
    {
        if (Fault is { } persistence)
        {
            throw new AppendException("no space left on device", persistence);
        }

        Appended.AddRange(records.Select(it => Request.Parser.ParseFrom(it.Value.Span)));
        await real.AppendAsync(records, stop);
    }

    public Task RunAsync(Group group, Func<IPartition, CancellationToken, Task> work, CancellationToken stop) => real.RunAsync(group, work, stop);

    public IAsyncEnumerable<Entry> ScanAsync(TopicPartition partition, DateTimeOffset since, CancellationToken stop = default) => real.ScanAsync(partition, since, stop);

    public ValueTask<long> EndAsync(TopicPartition partition, CancellationToken stop = default) => real.EndAsync(partition, stop);

    public ValueTask<IReadOnlyDictionary<TopicPartition, Position?>> PositionsAsync(string group, IReadOnlyCollection<TopicPartition> partitions, CancellationToken stop = default) =>
        real.PositionsAsync(group, partitions, stop);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the real one belongs to its own host
}
