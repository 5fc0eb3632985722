using Dispatch.Channels.Flow;
using Dispatch.Channels.Journal;
using Dispatch.Channels.Tests.Wire;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Channels.Tests.Flow;

/// <summary>A feed between a real partition and a real journal.</summary>
public sealed class FeedTests
{
    [Fact]
    public async Task Nothing_is_kept_by_a_commit_that_leaves_records_behind()
    {
        const int Count = 2_500; // of which a commit takes 1 000
        using var folder = new TempFolder();
        await using var log = Rig.OpenLog(folder["log"]);
        var topic = Topics.Messages(Channel.Push, TrafficClass.Campaign);
        var options = new DispatcherOptions();
        using var journal = JournalFile.Open(new JournalSettings(folder["journal"], "push", [topic], 1024 * 1024, long.MaxValue, TimeSpan.Zero, default), NullLogger.Instance);
        await log.AppendAsync([.. Enumerable.Range(0, Count).Select(_ => new Record(topic, "one"u8.ToArray(), "x"u8.ToArray()))]);
        using var stop = new CancellationTokenSource();
        List<Position> commits = [];
        await log.RunAsync(new Group("push", [topic]), async (partition, stopping) =>
        {
            if (partition.End > 0)
            {
                var watched = new Watched(partition, commits);
                using var feed = new Feed(watched, 0, TrafficClass.Campaign, partition.Start, journal, options, TimeProvider.System, NullLogger.Instance);
                await foreach (var batch in partition.ReadAsync(partition.Start, stopping))
                {
                    feed.Progress.TryAdmit(batch).ShouldBeTrue();
                    if (batch.End == Count)
                    {
                        break;
                    }
                }

                for (var offset = 0L; offset < Count; offset++)
                {
                    feed.Progress.Begin(offset);
                    if (offset != Count / 2)
                    {
                        feed.HandOver(offset, new Record(Topics.Reroute(TrafficClass.Campaign), "one"u8.ToArray(), "x"u8.ToArray()));
                    }
                }

                await feed.LeaveAsync(desk: null, stopping);
                await stop.CancelAsync();
            }
        }, stop.Token);

        commits.Count.ShouldBe(3);
        commits[..2].ShouldAllBe(position => position.Above.All(mark => mark.Kind == MarkKind.Done));
        commits[2].Next.ShouldBe(Count / 2);
        commits[2].Above.Count(mark => mark.Kind == MarkKind.Kept).ShouldBe(1);
    }

    /// <summary>A partition, and what was committed to it.</summary>
    private sealed class Watched(IPartition partition, List<Position> commits) : IPartition
    {
        public TopicPartition Id => partition.Id;

        public Position Start => partition.Start;

        public Position Committed => partition.Committed;

        public bool LeaseHolds => partition.LeaseHolds;

        public long End => partition.End;

        public IAsyncEnumerable<Batch> ReadAsync(Position from, CancellationToken stop) => partition.ReadAsync(from, stop);

        public ValueTask CommitAsync(IReadOnlyList<Record> outputs, Position position, CancellationToken stop = default)
        {
            commits.Add(position);
            return partition.CommitAsync(outputs, position, stop);
        }
    }
}
