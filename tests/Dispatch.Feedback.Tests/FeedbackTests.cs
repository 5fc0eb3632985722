using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Record = Dispatch.Log.Record;

namespace Dispatch.Feedback.Tests;

public sealed class FeedbackTests : IAsyncLifetime
{
    private readonly TempFolder folder = new();
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await PostgresServer.CreateDatabaseAsync();

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task What_is_promised_and_what_became_of_it_reaches_the_ledger()
    {
        await using var feedback = await Running.StartAsync(folder.Path, database);
        var requests = Enumerable.Range(0, 50).Select(_ => Traffic.Request()).ToArray();
        await feedback.AppendAsync(Topics.Outcomes, [.. requests.Select(request => request.Attempted())]); // before anybody has heard of them
        await feedback.AppendAsync(Topics.Requests(TrafficClass.Campaign), requests);
        await feedback.AppendAsync(Topics.Events, Traffic.Opened("e1", requests[0]), Traffic.Opened("e1", requests[0]));

        await CountsAsync("select count(*) from messages where expected and state = 7", 50);
        await CountsAsync("select count(*) from events", 1);
        await CountsAsync("select sum(count)::bigint from stats where kind = 'opened'", 1);
        await Eventually.HoldsAsync(async () => await feedback.Log.PositionAsync("feedback", new TopicPartition(Topics.Events, PartitionOf(feedback, [1]))) == new Position(2));
    }

    [Fact]
    public async Task Records_that_come_one_by_one_share_transactions_of_the_store()
    {
        const int records = 40;
        await using var feedback = await Running.StartAsync(folder.Path, database, ("Dispatch:Feedback:Gather", "00:00:02"));
        for (var n = 0; n < records; n++)
        {
            await feedback.AppendAsync(Topics.Requests(TrafficClass.Campaign), Traffic.Request());
        }

        await CountsAsync("select count(*) from messages", records);
        (await database.ScalarAsync<long>("select count(distinct xmin::text) from messages")).ShouldBeLessThan(records / 2); // xmin: the transaction that wrote the row
    }

    [Fact]
    public async Task Read_again_from_zero_nothing_counts_twice()
    {
        await using (var first = await Running.StartAsync(folder.Path, database))
        {
            await AppendTrafficAsync(first, 100);
            await CountsAsync("select count(*) from messages where expected and state = 7", 100);
        }

        var counted = await database.ScalarAsync<long>("select sum(count)::bigint from stats");
        await database.ExecuteAsync("delete from positions");
        await using var second = await Running.StartAsync(folder.Path, database);
        await CountsAsync("select sum(next)::bigint from positions", 300);
        (await database.ScalarAsync<long>("select sum(count)::bigint from stats")).ShouldBe(counted);
        (await database.ScalarAsync<long>("select count(*) from outcomes")).ShouldBe(200);
    }

    [Fact]
    public async Task A_store_made_anew_under_a_log_that_was_read_is_filled_from_zero_and_goes_on()
    {
        await using (var first = await Running.StartAsync(folder.Path, database))
        {
            await AppendTrafficAsync(first, 100);
            await first.Log.AppendAsync([new Record(Topics.Outcomes, new byte[] { 1 }, new byte[] { 0xff, 0xff, 0xff })]); // is quarantined, which the log is told at once
            await AppendTrafficAsync(first, 100);
            await CountsAsync("select sum(next)::bigint from positions", 601);
        }

        var counted = await database.ScalarAsync<long>("select sum(count)::bigint from stats");
        await database.DisposeAsync();
        database = await PostgresServer.CreateDatabaseAsync();
        await using var second = await Running.StartAsync(folder.Path, database, ("Dispatch:Feedback:CommitInterval", "00:00:00.010"));
        await CountsAsync("select sum(next)::bigint from positions", 601);
        (await database.ScalarAsync<long>("select sum(count)::bigint from stats")).ShouldBe(counted);
        (await database.ScalarAsync<long>("select count(*) from messages where expected and state = 7")).ShouldBe(200);

        await database.ExecuteAsync("update positions set next = next / 2"); // as a backup has them, put back while this one is reading
        await AppendTrafficAsync(second, 100); // enough that every partition gets some: it is the next record of a partition that finds its position moved
        await CountsAsync("select sum(next)::bigint from positions", 901);
        await CountsAsync("select count(*) from messages where expected and state = 7", 300);
        await CountsAsync("select sum(count)::bigint from stats", counted / 200 * 300);
        await Eventually.HoldsAsync(async () => await ToldAsync(second) == 901);
        (await second.HealthAsync()).Status.ShouldBe(HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_store_that_refuses_writes_and_then_goes_away_is_waited_for()
    {
        await using var feedback = await Running.StartAsync(folder.Path, database);
        await AppendTrafficAsync(feedback, 20);
        await CountsAsync("select count(*) from messages where expected and state = 7", 20);

        await database.SetReadOnlyAsync(true);
        await AppendTrafficAsync(feedback, 20);
        await database.SetReadOnlyAsync(false);
        await database.SetAwayAsync(true);
        await AppendTrafficAsync(feedback, 20);
        await database.SetAwayAsync(false);

        await CountsAsync("select count(*) from messages where expected and state = 7", 60);
        await CountsAsync("select sum(count)::bigint from stats", 180);
    }

    [Fact]
    public async Task Connections_that_are_cut_at_any_moment_lose_and_double_nothing()
    {
        await using var feedback = await Running.StartAsync(folder.Path, database, ("Dispatch:Feedback:BatchSizeMax", "50"));
        using var enough = new CancellationTokenSource();
        var cutting = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await database.CutAsync();
                await Task.Delay(Random.Shared.Next(5, 40));
            }
        });
        for (var i = 0; i < 20; i++)
        {
            await AppendTrafficAsync(feedback, 50);
        }

        await Eventually.HoldsAsync(async () => await database.ScalarAsync<long>("select count(*) from messages") >= 300, TimeSpan.FromMinutes(1));
        await enough.CancelAsync();
        await cutting;
        await CountsAsync("select count(*) from messages where expected and state = 7", 1_000);
        await CountsAsync("select sum(count)::bigint from stats", 3_000);
        await CountsAsync("select count(*) from outcomes", 2_000);
    }

    [Fact]
    public async Task What_cannot_be_applied_goes_to_quarantine_and_its_neighbours_go_on()
    {
        await using var feedback = await Running.StartAsync(folder.Path, database);
        var good = Traffic.Request();
        var foreign = Traffic.Request().Routed();
        foreign.At = Traffic.Now.AddYears(3).ToUnixTimeMilliseconds(); // of a day that the store does not keep
        await feedback.Log.AppendAsync(
        [
            new Record(Topics.Outcomes, new byte[] { 1 }, good.Attempted().ToByteArray()),
            new Record(Topics.Outcomes, new byte[] { 1 }, new byte[] { 0xff, 0xff, 0xff }),
            new Record(Topics.Outcomes, new byte[] { 1 }, new Outcome { Kind = OutcomeKind.Delivered, MessageId = ByteString.CopyFromUtf8("short") }.ToByteArray()),
            new Record(Topics.Outcomes, new byte[] { 1 }, foreign.ToByteArray()),
            new Record(Topics.Outcomes, new byte[] { 1 }, good.Delivered().ToByteArray()),
        ]);

        await CountsAsync("select count(*) from messages where state = 8", 1);
        var partition = PartitionOf(feedback, [1]);
        await CountsAsync($"select next from positions where topic = 'outcomes' and partition = {partition.ToString(CultureInfo.InvariantCulture)}", 5);
        var quarantined = new List<Quarantined>();
        for (var i = 0; i < feedback.Log.PartitionsOf(Topics.Quarantine); i++)
        {
            await foreach (var entry in feedback.Log.ScanAsync(new TopicPartition(Topics.Quarantine, i), DateTimeOffset.MinValue))
            {
                quarantined.Add(Quarantined.Parser.ParseFrom(entry.Value.Span));
            }
        }

        quarantined.Select(it => it.Offset).Order().ShouldBe([1, 2, 3]);
        quarantined.ShouldAllBe(it => it.Topic == Topics.Outcomes && it.Exception.Length > 0 && it.Service == "feedback");
    }

    [Fact]
    public async Task A_blind_window_closes_when_the_mark_was_passed_in_every_partition()
    {
        await using var feedback = await Running.StartAsync(folder.Path, database);
        var mark = new Outcome { Kind = OutcomeKind.CaughtUp, SourceId = "push-1", At = Traffic.Now.ToUnixTimeMilliseconds() }.ToByteArray();
        var partitions = feedback.Log.PartitionsOf(Topics.Outcomes);
        for (var partition = 0; partition < partitions; partition++)
        {
            (await database.ScalarAsync<long>("select count(*) from blind_windows where closed_at is not null")).ShouldBe(0);
            await feedback.Log.AppendAsync([new Record(Topics.Outcomes, ReadOnlyMemory<byte>.Empty, mark) { Partition = partition }]);
            await CountsAsync("select coalesce(sum(cardinality(passed)), 0)::bigint from blind_windows", partition + 1);
        }

        await CountsAsync("select count(*) from blind_windows where dispatcher = 'push-1' and closed_at >= opened_at", 1);
    }

    [Fact]
    public async Task Positions_of_another_log_stop_it_until_a_person_says_so()
    {
        await using (var old = await Running.StartAsync(folder["old"], database))
        {
            await AppendTrafficAsync(old, 5);
            await CountsAsync("select count(*) from messages where expected and state = 7", 5);
        }

        string id;
        await using (var fresh = await Running.StartAsync(folder["new"], database))
        {
            id = fresh.Log.ClusterIdOf(0);
            await AppendTrafficAsync(fresh, 5);
            await Eventually.HoldsAsync(async () => (await fresh.HealthAsync()).Status == HealthStatus.Unhealthy);
        }

        (await database.ScalarAsync<long>("select count(*) from messages")).ShouldBe(5);
        await using var accepted = await Running.StartAsync(folder["new"], database, ("Dispatch:Feedback:AcceptLog", id));
        await CountsAsync("select count(*) from messages where expected and state = 7", 10);
    }

    private static async Task AppendTrafficAsync(Running feedback, int messages)
    {
        var requests = Enumerable.Range(0, messages).Select(_ => Traffic.Request()).ToArray();
        await feedback.AppendAsync(Topics.Requests(TrafficClass.Campaign), requests);
        await feedback.AppendAsync(Topics.Outcomes, [.. requests.Select(request => request.Routed())]);
        await feedback.AppendAsync(Topics.Outcomes, [.. requests.Select(request => request.Attempted())]);
    }

    private Task CountsAsync(string query, long expected) =>
        Eventually.HoldsAsync(async () => await database.ScalarAsync<object>($"select coalesce(({query}), 0)::bigint") is long count && count == expected, TimeSpan.FromSeconds(60), query);

    /// <summary>How far the log has heard that the store has come, over all partitions.</summary>
    private static async Task<long> ToldAsync(Running feedback)
    {
        var told = 0L;
        foreach (var topic in new[] { Topics.Requests(TrafficClass.Campaign), Topics.Outcomes })
        {
            for (var partition = 0; partition < feedback.Log.PartitionsOf(topic); partition++)
            {
                told += (await feedback.Log.PositionAsync("feedback", new TopicPartition(topic, partition)))?.Next ?? 0;
            }
        }

        return told;
    }

    private static int PartitionOf(Running feedback, byte[] key) => Partitioner.Of(key, feedback.Log.PartitionsOf(Topics.Outcomes));
}
