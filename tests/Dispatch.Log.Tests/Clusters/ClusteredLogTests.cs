using System.Collections.Concurrent;
using System.Text;
using Dispatch.Contracts;
using Dispatch.Log.Clusters;
using Dispatch.Log.Kafka;
using Dispatch.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests.Clusters;

public sealed class ClusteredLogTests : IAsyncLifetime
{
    private const string In = "requests.transactional", Out = "push.transactional";
    private const int Records = 200;
    private static readonly string[] Topics = [In, Out];

    private readonly MockCluster _main = new(), _east = new();
    private KafkaOptions _atEast = null!;
    private ClusterWeights _weights = null!;
    private ClusteredLog _log = null!;

    public async Task InitializeAsync()
    {
        var main = await _main.MakeAsync(Topics);
        _atEast = await _east.MakeAsync(Topics);
        _weights = new ClusterWeights([
            new Cluster(0, "main", 100, KafkaLog.Open(main, Topics, NullLogger.Instance)), new Cluster(7, "east", 0, KafkaLog.Open(_atEast, Topics, NullLogger.Instance))]);
        _log = new ClusteredLog(_weights, Topics, NullLogger.Instance);
        await Eventually.HoldsAsync(() => _log.Faults.Count == 0, TimeSpan.FromSeconds(60));
    }

    public async Task DisposeAsync()
    {
        await _log.DisposeAsync();
        _main.Dispose();
        _east.Dispose();
    }

    [Fact]
    public async Task New_records_go_by_the_weights_and_each_key_to_one_place()
    {
        await AppendAsync(0);
        (await CountAsync(0), await CountAsync(7)).ShouldBe((Records, 0));
        _weights.Set(Shares.Parse("main=3,east=1"));
        await AppendAsync(0); // the same keys
        (await CountAsync(7)).ShouldBeInRange(Records / 8, Records * 3 / 8);
        var once = await CountAsync(7);
        await AppendAsync(0);
        (await CountAsync(7)).ShouldBe(2 * once);
        _weights.Set(Shares.Parse("east=1"));
        await AppendAsync(0);
        (await CountAsync(7)).ShouldBe((2 * once) + Records);
    }

    [Fact]
    public async Task A_group_reads_all_clusters_and_what_it_commits_stays_where_it_was_read()
    {
        _weights.Set(Shares.Parse("main=1,east=1"));
        await AppendAsync(0);
        var copied = new ConcurrentQueue<int>();
        using var stop = new CancellationTokenSource();
        var run = _log.RunAsync(new Group("hop", [In]), (partition, revoked) => CopyAsync(partition, copied, revoked), stop.Token);
        await Eventually.HoldsAsync(() => copied.Sum() == Records, TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await run;
        foreach (var cluster in new[] { 0, 7 })
        {
            (await ValuesAsync(cluster, Out)).ShouldBe(await ValuesAsync(cluster, In), ignoreOrder: true);
        }

        var positions = await _log.PositionsAsync("hop", _log.AllPartitionsOf(In));
        foreach (var (partition, position) in positions)
        {
            position!.Next.ShouldBeGreaterThanOrEqualTo((await Logs.ReadAsync(_log, partition)).Count);
        }

        _log.ClusterIds.ShouldBe([_log.ClusterIdOf(0), _log.ClusterIdOf(7_001)], ignoreOrder: true);
        _log.ClusterIds.Distinct().Count().ShouldBe(2);
        _log.TwinsOf(new TopicPartition(In, 7_001)).ShouldBe([new TopicPartition(In, 1)]);
    }

    [Fact]
    public async Task A_record_that_names_its_cluster_or_partition_goes_there()
    {
        await _log.AppendAsync([Value("named") with { Cluster = 7 }, Value("fixed") with { Partition = 7_001 }, Value("gone") with { Cluster = 3 }, Value("any")]);
        (await ValuesAsync(7, In)).ShouldBe(["named", "fixed"], ignoreOrder: true);
        (await ValuesAsync(0, In)).ShouldBe(["gone", "any"], ignoreOrder: true); // number 3 was taken away
        (await Logs.ReadAsync(_log, new TopicPartition(In, 7_001))).ShouldContain("fixed");
        _log.PlaceOf(Value("x") with { Cluster = 7 }).Partition.ShouldBeInRange(7_000, 7_001);
    }

    [Fact]
    public async Task A_cluster_that_is_away_keeps_up_only_what_is_its_own()
    {
        await using var half = new ClusteredLog(
            new ClusterWeights([
                new Cluster(0, "main", 1, KafkaLog.Open(new KafkaOptions { Brokers = "127.0.0.1:1" }, Topics, NullLogger.Instance)),
                new Cluster(7, "east", 1, KafkaLog.Open(_atEast, Topics, NullLogger.Instance))]),
            Topics, NullLogger.Instance);
        await half.OpenedAsync(default).WaitAsync(TimeSpan.FromSeconds(60));
        await half.AppendAsync([Value("there") with { Cluster = 7 }]);
        (await Should.ThrowAsync<AppendException>(async () => await half.AppendAsync([Value("v") with { Cluster = 0 }]))).Persistence.ShouldBe(Persistence.NotPersisted);
        (await Should.ThrowAsync<AppendException>(async () => await half.AppendAsync([Value("v") with { Cluster = 0 }, Value("v") with { Cluster = 7 }]))).Persistence.ShouldBe(Persistence.PossiblyPersisted);
        half.PlaceOf(Value("v") with { Cluster = 0 }).Partition.ShouldBeInRange(0, 1); // so that it can be spooled as its cluster's
        Should.Throw<LogUnavailableException>(() => half.AllPartitionsOf(In)).Message.ShouldContain("main");
        half.AllPartitionsOf(In, openOnly: true).Count.ShouldBe(2);
    }

    /// <summary>A fault to look at, and no reason to send nobody here.</summary>
    [Fact]
    public async Task A_cluster_that_does_not_fit_is_refused_and_the_health_check_says_why()
    {
        using var wide = new MockCluster();
        var weights = new ClusterWeights([
            new Cluster(7, "east", 1, KafkaLog.Open(_atEast, Topics, NullLogger.Instance)), new Cluster(8, "wide", 0, KafkaLog.Open(await wide.MakeAsync(3, Topics), Topics, NullLogger.Instance))]);
        await using var log = new ClusteredLog(weights, Topics, NullLogger.Instance);
        var check = new KafkaHealthCheck(weights, log);
        await Eventually.HoldsAsync(async () => (await LookAsync()).Description?.Contains("partitions", StringComparison.Ordinal) == true, TimeSpan.FromSeconds(60));
        var found = await LookAsync();
        found.Status.ShouldBe(HealthStatus.Degraded);
        found.Description!.ShouldMatch("(east|wide): .* has [23] partitions there and [32] elsewhere");

        Task<HealthCheckResult> LookAsync() => check.CheckHealthAsync(new HealthCheckContext { Registration = new HealthCheckRegistration("log", check, HealthStatus.Unhealthy, null) });
    }

    [Fact]
    public async Task A_commit_cannot_write_into_another_cluster()
    {
        using var stop = new CancellationTokenSource();
        var tried = new TaskCompletionSource<Exception?>();
        var run = _log.RunAsync(new Group("other", [In]), async (partition, revoked) =>
        {
            if (partition.Id.Partition == 0)
            {
                tried.TrySetResult(await Xunit.Record.ExceptionAsync(async () => await partition.CommitAsync([Value("v") with { Partition = 7_000 }], new Position(0))));
            }

            await Task.Delay(Timeout.Infinite, revoked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }, stop.Token);
        (await tried.Task.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBeOfType<ArgumentException>();
        await stop.CancelAsync();
        await run;
    }

    private static async Task CopyAsync(IPartition partition, ConcurrentQueue<int> copied, CancellationToken stop)
    {
        await foreach (var batch in partition.ReadAsync(partition.Start, stop))
        {
            await partition.CommitAsync([.. batch.Entries.Select(entry => new Dispatch.Log.Record(Out, entry.Key, entry.Value))], new Position(batch.End), CancellationToken.None);
            copied.Enqueue(batch.Entries.Count);
        }
    }

    private static Dispatch.Log.Record Value(string value) => new(In, Encoding.UTF8.GetBytes(value), Encoding.UTF8.GetBytes(value));

    private async Task AppendAsync(int first) => await _log.AppendAsync([.. Enumerable.Range(first, Records).Select(n => Value($"{n}"))]);

    private async Task<int> CountAsync(int cluster) => (await ValuesAsync(cluster, In)).Count;

    private async Task<List<string>> ValuesAsync(int cluster, string topic)
    {
        var values = new List<string>();
        foreach (var partition in _log.AllPartitionsOf(topic).Where(it => ClusterNumber.Of(it.Partition) == cluster))
        {
            values.AddRange(await Logs.ReadAsync(_log, partition));
        }

        return values;
    }
}
