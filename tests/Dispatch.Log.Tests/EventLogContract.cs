using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>What every implementation of <see cref="IEventLog"/> promises. A test class per implementation inherits it.</summary>
public abstract class EventLogContract : IAsyncLifetime
{
    protected const string Requests = "requests.transactional";
    protected const string Push = "push.transactional";
    protected const string Outcomes = "outcomes";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // patience, not a promise: a group that a member left finds together only after a session
    private IEventLog? _log;

    protected IEventLog Log => _log!;

    public async Task InitializeAsync() => _log = await OpenAsync();

    public async Task DisposeAsync()
    {
        await Log.DisposeAsync();
        await CloseAsync();
    }

    /// <summary>A log with the three topics, empty at first; called again after <see cref="IAsyncDisposable.DisposeAsync"/>, the same log as before.</summary>
    protected abstract Task<IEventLog> OpenAsync();

    protected abstract Task CloseAsync();

    [ContractFact]
    public async Task What_was_appended_is_read_as_it_was_written_and_in_order()
    {
        var written = Enumerable.Range(0, 500).Select(i => new Record(Requests, Text($"key-{i % 17}"), Text($"value {i} {new string('x', i)}"))
        {
            Headers = [new RecordHeader("traceparent", Text($"00-{i:x32}-{i:x16}-01")), new RecordHeader("empty", default)],
        }).ToArray();
        foreach (var chunk in written.Chunk(7))
        {
            await Log.AppendAsync(chunk);
        }

        var read = await ReadAllAsync(new Group("reader", [Requests]), written.Length);
        foreach (var key in written.GroupBy(record => String(record.Key)))
        {
            read.Where(at => String(at.Entry.Key) == key.Key).Select(at => String(at.Entry.Value)).ShouldBe(key.Select(record => String(record.Value)));
        }

        foreach (var (_, entry) in read)
        {
            var number = int.Parse(String(entry.Value).Split(' ')[1]);
            entry.Headers.Select(header => (header.Name, String(header.Value))).ShouldBe([("traceparent", $"00-{number:x32}-{number:x16}-01"), ("empty", "")]);
            entry.AppendedAt.ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
        }
    }

    [ContractFact]
    public async Task A_record_stands_in_the_partition_of_its_key_or_the_one_it_names()
    {
        var partitions = Log.PartitionsOf(Requests);
        await Log.AppendAsync([new Record(Requests, Text("ada"), Text("by key")), new Record(Requests, Text("ada"), Text("by name")) { Partition = partitions - 1 }]);

        (await ScanAsync(new TopicPartition(Requests, Partitioner.Of("ada"u8, partitions)))).ShouldContain("by key");
        (await ScanAsync(new TopicPartition(Requests, partitions - 1))).ShouldContain("by name");
    }

    [ContractFact]
    public async Task A_topic_or_partition_that_there_is_not_is_refused_and_nothing_of_the_append_is_written()
    {
        Record[] good = [new Record(Requests, Text("k"), Text("good"))];
        await Should.ThrowAsync<KeyNotFoundException>(async () => await Log.AppendAsync([.. good, new Record("no.such.topic", Text("k"), Text("v"))]));
        await Should.ThrowAsync<KeyNotFoundException>(async () => await Log.AppendAsync([.. good, new Record(Requests, Text("k"), Text("v")) { Partition = 99 }]));
        await Should.ThrowAsync<ArgumentException>(async () => await Log.AppendAsync([.. good, new Record(Requests, Text("k"), new byte[Record.StoredBytesMax + 1])]));
        Should.Throw<KeyNotFoundException>(() => Log.PartitionsOf("no.such.topic"));

        (await CountAsync(Requests)).ShouldBe(0);
    }

    [ContractFact]
    public async Task The_largest_record_passes_and_is_handed_out_alone()
    {
        var large = new byte[Record.StoredBytesMax];
        new Random(1).NextBytes(large);
        await Log.AppendAsync([new Record(Requests, Text("k"), large), new Record(Requests, Text("k"), Text("small"))]);

        var batches = new ConcurrentQueue<Batch>();
        await RunUntilAsync(new Group("reader", [Requests]) { BatchBytesMax = 1024 }, batches.Enqueue, () => batches.Count == 2);
        batches.First().Entries.ShouldHaveSingleItem().Value.Span.SequenceEqual(large).ShouldBeTrue();
    }

    [ContractFact]
    public async Task Batches_stay_within_the_groups_limits()
    {
        await Log.AppendAsync([.. Enumerable.Range(0, 1_000).Select(i => new Record(Requests, Text("k"), new byte[100]))]);

        var batches = new ConcurrentQueue<Batch>();
        await RunUntilAsync(new Group("by-count", [Requests]) { BatchSizeMax = 64 }, batches.Enqueue, () => batches.Sum(batch => batch.Entries.Count) == 1_000);
        batches.ShouldAllBe(batch => batch.Entries.Count <= 64);

        batches.Clear();
        await RunUntilAsync(new Group("by-bytes", [Requests]) { BatchBytesMax = 5_000 }, batches.Enqueue, () => batches.Sum(batch => batch.Entries.Count) == 1_000);
        batches.ShouldAllBe(batch => batch.Entries.Sum(entry => entry.Value.Length) <= 5_000);
    }

    [ContractFact]
    public async Task A_waiting_reader_gets_what_comes_later()
    {
        var got = new ConcurrentQueue<string>();
        await RunUntilAsync(
            new Group("reader", [Requests]), batch => got.Enqueue(String(batch.Entries[0].Value)), () => got.Count == 3,
            async () =>
            {
                for (var i = 0; i < 3; i++)
                {
                    await Log.AppendAsync([new Record(Requests, Text("k"), Text($"{i}"))]);
                    await Eventually.HoldsAsync(() => got.Count == i + 1, Deadline);
                }
            });
        got.ShouldBe(["0", "1", "2"]);
    }

    [ContractFact]
    public async Task A_commit_moves_the_position_and_writes_its_outputs()
    {
        await Log.AppendAsync([new Record(Requests, Text("k"), Text("in"))]);
        var partition = new TopicPartition(Requests, Partitioner.Of("k"u8, Log.PartitionsOf(Requests)));
        await OnPartitionAsync("hop", partition, async (mine, stop) =>
        {
            mine.Start.ShouldBe(Position.Zero);
            mine.End.ShouldBe(1);
            mine.LeaseHolds.ShouldBeTrue();
            await mine.CommitAsync([new Record(Push, Text("k"), Text("out")), new Record(Outcomes, Text("k"), Text("routed"))], new Position(1), stop);
        });

        (await Log.PositionAsync("hop", partition)).ShouldBe(new Position(1));
        (await Log.PositionAsync("nobody", partition)).ShouldBeNull();
        (await CountAsync(Push)).ShouldBe(1);
        (await CountAsync(Outcomes)).ShouldBe(1);
    }

    [ContractFact]
    public async Task A_position_and_its_marks_outlive_the_log_and_what_they_mark_is_not_read_again()
    {
        await Log.AppendAsync([.. Enumerable.Range(0, 10).Select(i => new Record(Requests, Text("k"), Text($"{i}")))]);
        var partition = new TopicPartition(Requests, Partitioner.Of("k"u8, Log.PartitionsOf(Requests)));
        var position = new Position(2, [new Mark(3, MarkKind.Done), new Mark(5, MarkKind.Kept), new Mark(9, MarkKind.Done)]);
        await OnPartitionAsync("hop", partition, async (mine, stop) => await mine.CommitAsync([], position, stop));

        await ReopenAsync();
        (await Log.PositionAsync("hop", partition)).ShouldBe(position);
        var read = new List<string>();
        await OnPartitionAsync("hop", partition, async (mine, stop) =>
        {
            mine.Start.ShouldBe(position);
            await foreach (var batch in mine.ReadAsync(mine.Start, stop))
            {
                read.AddRange(batch.Entries.Select(entry => String(entry.Value)));
                if (read.Count == 5)
                {
                    break;
                }
            }
        });
        read.ShouldBe(["2", "4", "6", "7", "8"]);
    }

    [ContractFact]
    public async Task A_position_does_not_go_back()
    {
        await Log.AppendAsync([.. Enumerable.Range(0, 10).Select(i => new Record(Requests, Text("k"), Text($"{i}")))]);
        var partition = new TopicPartition(Requests, Partitioner.Of("k"u8, Log.PartitionsOf(Requests)));
        await OnPartitionAsync("hop", partition, async (mine, stop) =>
        {
            await mine.CommitAsync([], new Position(5), stop);
            await mine.CommitAsync([], new Position(5), stop);
            await Should.ThrowAsync<ArgumentException>(async () => await mine.CommitAsync([new Record(Push, Text("k"), Text("never"))], new Position(4), stop));
            await Should.ThrowAsync<ArgumentException>(async () => await mine.CommitAsync([], new Position(5, [new Mark(4, MarkKind.Done)]), stop));
            await Should.ThrowAsync<ArgumentException>(async () => await mine.CommitAsync([], new Position(-1), stop));
        });
        (await Log.PositionAsync("hop", partition)).ShouldBe(new Position(5));
        (await CountAsync(Push)).ShouldBe(0);
    }

    [ContractFact]
    public async Task Two_members_share_the_partitions_and_one_takes_over_when_the_other_leaves()
    {
        var owners = new ConcurrentDictionary<int, string>();
        var group = new Group("hop", [Requests]);
        using var stopFirst = new CancellationTokenSource();
        using var stopSecond = new CancellationTokenSource();
        var first = Log.RunAsync(group, Own("first"), stopFirst.Token);
        await Eventually.HoldsAsync(() => owners.Count == Log.PartitionsOf(Requests) && owners.Values.All(owner => owner == "first"), Deadline);

        var second = Log.RunAsync(group, Own("second"), stopSecond.Token);
        await Eventually.HoldsAsync(() => owners.Values.Distinct().Count() == 2, Deadline);

        await stopFirst.CancelAsync();
        await first;
        await Eventually.HoldsAsync(() => owners.Count == Log.PartitionsOf(Requests) && owners.Values.All(owner => owner == "second"), Deadline);
        await stopSecond.CancelAsync();
        await second;

        Func<IPartition, CancellationToken, Task> Own(string name) => async (mine, stop) =>
        {
            owners.AddOrUpdate(mine.Id.Partition, name, (_, old) => throw new InvalidOperationException($"{old} still has it"));
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            owners.TryRemove(mine.Id.Partition, out _).ShouldBeTrue();
        };
    }

    [ContractFact]
    public async Task Work_settles_before_its_partition_moves_and_the_next_owner_begins_where_it_ended()
    {
        await Log.AppendAsync([new Record(Requests, Text("k"), Text("v"))]);
        var partition = new TopicPartition(Requests, Partitioner.Of("k"u8, Log.PartitionsOf(Requests)));
        using var stop = new CancellationTokenSource();
        var began = new TaskCompletionSource();
        IPartition? old = null;
        var run = Log.RunAsync(new Group("hop", [Requests]), async (mine, revoked) =>
        {
            if (mine.Id == partition)
            {
                old = mine;
                began.TrySetResult();
                await Task.Delay(Timeout.Infinite, revoked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                mine.LeaseHolds.ShouldBeTrue();
                await mine.CommitAsync([], new Position(1), CancellationToken.None);
            }
        }, stop.Token);
        await began.Task.WaitAsync(Deadline);
        await stop.CancelAsync();
        await run;

        await OnPartitionAsync("hop", partition, (mine, _) =>
        {
            mine.Start.ShouldBe(new Position(1));
            return Task.CompletedTask;
        });
        old!.LeaseHolds.ShouldBeFalse();
        await Should.ThrowAsync<LeaseLostException>(async () => await old.CommitAsync([new Record(Push, Text("k"), Text("never"))], new Position(1)));
        (await CountAsync(Push)).ShouldBe(0);
    }

    [ContractFact]
    public async Task Work_that_throws_ends_the_run_with_its_exception_after_the_others_have_settled()
    {
        var settled = 0;
        var run = Log.RunAsync(new Group("hop", [Requests]), async (mine, stop) =>
        {
            if (mine.Id.Partition == 0)
            {
                throw new InvalidDataException("a bug");
            }

            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Increment(ref settled);
        }, CancellationToken.None);

        (await Should.ThrowAsync<InvalidDataException>(run.WaitAsync(Deadline))).Message.ShouldBe("a bug");
        settled.ShouldBe(Log.PartitionsOf(Requests) - 1);
    }

    [ContractFact]
    public async Task A_scan_begins_at_a_time_and_ends_where_the_log_ended()
    {
        var partition = new TopicPartition(Requests, 0);
        await Log.AppendAsync([new Record(Requests, Text("k"), Text("early")) { Partition = 0 }]);
        var early = DateTimeOffset.UtcNow;
        await Eventually.HoldsAsync(() => DateTimeOffset.UtcNow - early > TimeSpan.FromMilliseconds(20), Deadline);
        var since = DateTimeOffset.UtcNow;
        await Log.AppendAsync([new Record(Requests, Text("k"), Text("late")) { Partition = 0 }]);

        (await ScanAsync(partition)).ShouldBe(["early", "late"]);
        (await ScanAsync(partition, since)).ShouldBe(["late"]);
        (await ScanAsync(partition, since.AddHours(1))).ShouldBeEmpty();
        (await Log.EndAsync(partition)).ShouldBe(2);
    }

    [ContractFact]
    public async Task The_identity_is_random_and_stays()
    {
        var id = Log.ClusterIdOf(0);
        id.ShouldNotBeNullOrWhiteSpace();
        await ReopenAsync();
        Log.ClusterIdOf(0).ShouldBe(id);
    }

    [ContractFact]
    public async Task Many_callers_at_once_lose_nothing()
    {
        const int callers = 64;
        const int each = 50;
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
            {
                await Log.AppendAsync([new Record(Requests, Text($"{caller}"), Text($"{i}"))]);
            }
        })));

        var read = await ReadAllAsync(new Group("reader", [Requests]), callers * each);
        read.GroupBy(at => String(at.Entry.Key)).ShouldAllBe(of => of.Select(at => String(at.Entry.Value)).SequenceEqual(Enumerable.Range(0, each).Select(i => $"{i}")));
    }

    protected async Task ReopenAsync()
    {
        await Log.DisposeAsync();
        _log = await OpenAsync();
    }

    protected static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    protected static string String(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    protected async Task<List<(TopicPartition Partition, Entry Entry)>> ReadAllAsync(Group group, int count)
    {
        var read = new ConcurrentQueue<(TopicPartition, Entry)>();
        using var stop = new CancellationTokenSource();
        var run = Log.RunAsync(group, async (mine, revoked) =>
        {
            await foreach (var batch in mine.ReadAsync(mine.Start, revoked))
            {
                foreach (var entry in batch.Entries)
                {
                    read.Enqueue((mine.Id, entry));
                }
            }
        }, stop.Token);
        await Eventually.HoldsAsync(() => read.Count >= count, Deadline);
        await stop.CancelAsync();
        await run;
        read.Count.ShouldBe(count);
        return [.. read];
    }

    /// <summary>Runs until the condition holds; the position is committed behind every batch.</summary>
    protected async Task RunUntilAsync(Group group, Action<Batch> each, Func<bool> until, Func<Task>? meanwhile = null)
    {
        using var stop = new CancellationTokenSource();
        var run = Log.RunAsync(group, async (mine, revoked) =>
        {
            await foreach (var batch in mine.ReadAsync(mine.Start, revoked))
            {
                each(batch);
                await mine.CommitAsync([], new Position(batch.End), CancellationToken.None);
            }
        }, stop.Token);
        if (meanwhile is not null)
        {
            await meanwhile();
        }

        await Eventually.HoldsAsync(until, Deadline);
        await stop.CancelAsync();
        await run;
    }

    /// <summary>Does something once, as the owner of a partition.</summary>
    protected async Task OnPartitionAsync(string group, TopicPartition partition, Func<IPartition, CancellationToken, Task> work)
    {
        using var stop = new CancellationTokenSource();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = Log.RunAsync(new Group(group, [partition.Topic]), async (mine, revoked) =>
        {
            if (mine.Id == partition)
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(revoked);
                patience.CancelAfter(TimeSpan.FromSeconds(2));
                await work(mine, patience.Token);
                done.TrySetResult();
            }
        }, stop.Token);
        await Task.WhenAny(done.Task, run).WaitAsync(Deadline);
        await stop.CancelAsync();
        await run;
    }

    protected async Task<List<string>> ScanAsync(TopicPartition partition, DateTimeOffset since = default)
    {
        var values = new List<string>();
        await foreach (var entry in Log.ScanAsync(partition, since))
        {
            values.Add(String(entry.Value));
        }

        return values;
    }

    /// <summary>Records, not offsets: between those there may be what is no record.</summary>
    protected async Task<int> CountAsync(string topic)
    {
        var count = 0;
        for (var partition = 0; partition < Log.PartitionsOf(topic); partition++)
        {
            count += (await ScanAsync(new TopicPartition(topic, partition))).Count;
        }

        return count;
    }
}
