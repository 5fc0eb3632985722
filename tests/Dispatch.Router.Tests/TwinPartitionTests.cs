using System.Diagnostics;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Clusters;
using Dispatch.Log.Kafka;
using Dispatch.Router.Repeats;
using Dispatch.Testing;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Dispatch.Log.Record;

namespace Dispatch.Router.Tests;

/// <summary>Copies of a request in two clusters: each a log of its own, in files.</summary>
public sealed class TwinPartitionTests : IAsyncLifetime
{
    private static readonly string Topic = Topics.Requests(TrafficClass.Transactional);
    private static readonly TopicPartition Here = new(Topic, 0), There = ClusterNumber.At(1, Here);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();
    private ClusteredLog _log = null!;

    public async Task InitializeAsync()
    {
        _log = new ClusteredLog(new ClusterWeights([new Cluster(0, "main", 1, Open("main")), new Cluster(1, "east", 0, Open("east"))]), [Topic], NullLogger.Instance);
        await Eventually.HoldsAsync(() => _log.Faults.Count == 0);
    }

    public async Task DisposeAsync()
    {
        await _log.DisposeAsync();
        _folder.Dispose();
    }

    [Theory] // what stands here and there, in this order; and how many of the two go on
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Of_two_copies_one_goes_on_whichever_side_looks_first(bool hereIsMarked, bool thereIsMarked)
    {
        foreach (var hereFirst in new[] { true, false })
        {
            var request = Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);
            await AppendAsync(hereFirst ? 0 : 1, hereFirst ? hereIsMarked : thereIsMarked, request);
            await AppendAsync(hereFirst ? 1 : 0, hereFirst ? thereIsMarked : hereIsMarked, request);
            var (here, there) = (await LastAsync(Here), await LastAsync(There));
            ((await PassesAsync(Here, here) ? 1 : 0) + (await PassesAsync(There, there) ? 1 : 0)).ShouldBe(1);
        }
    }

    [Fact]
    public async Task A_copy_from_before_the_mark_does_not_count()
    {
        var request = Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);
        await AppendAsync(1, isMarked: false, request);
        request.RepeatSince = DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds();
        await _log.AppendAsync([RecordOf(request, 0)]);
        (await PassesAsync(Here, await LastAsync(Here))).ShouldBeTrue();
    }

    [Fact]
    public async Task It_is_read_on_from_where_it_was_read_to()
    {
        var filter = Filter(Here);
        for (var round = 0; round < 3; round++)
        {
            var request = Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);
            await AppendAsync(1, isMarked: false, request);
            await AppendAsync(0, isMarked: true, request);
            var last = await LastAsync(Here);
            (await filter.FilterAsync([last], default)).ShouldBeEmpty();
            filter.Passed([last]);
        }
    }

    [Fact]
    public async Task A_cluster_that_cannot_be_read_is_not_waited_for()
    {
        var nowhere = KafkaLog.Open(new KafkaOptions { Brokers = $"127.0.0.1:{FreePorts.One()}" }, [Topic], NullLogger.Instance);
        await using var half = new ClusteredLog(new ClusterWeights([new Cluster(0, "main", 1, Open("half")), new Cluster(1, "east", 0, nowhere)]), [Topic], NullLogger.Instance);
        await half.OpenedAsync(default);
        var filter = Filter(half, Here);
        for (var round = 0; round < 3; round++)
        {
            var request = Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);
            request.RepeatSince = DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds();
            await half.AppendAsync([RecordOf(request, 0)]);
            var last = Incoming.Read(Topic, await half.ScanAsync(Here, DateTimeOffset.UnixEpoch).LastAsync());
            (await filter.FilterAsync([last], default)).ShouldHaveSingleItem();
            filter.Passed([last]);
        }
    }

    /// <summary>Neither for ever, nor for each batch again; and when it answers, what was missed is looked up.</summary>
    [KafkaFact]
    public async Task A_cluster_that_stops_answering_is_looked_at_again_when_it_is_back()
    {
        await using var broker = await Broker.StartAsync();
        await using var both = new ClusteredLog(new ClusterWeights([new Cluster(0, "main", 1, Open("beside", partitions: 2)), new Cluster(1, "east", 0, broker.Open())]), [Topic], NullLogger.Instance);
        await Eventually.HoldsAsync(() => both.Faults.Count == 0, Patience);
        var filter = Filter(both, Here);
        (await RepeatPassesAsync(await TakenThereAsync())).ShouldBeFalse();

        var taken = await TakenThereAsync();
        broker.Node.Freeze();
        try
        {
            (await RepeatPassesAsync(Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email))).ShouldBeTrue();
            var began = Stopwatch.GetTimestamp();
            for (var batch = 0; batch < 20; batch++)
            {
                (await RepeatPassesAsync(Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email))).ShouldBeTrue();
            }

            Stopwatch.GetElapsedTime(began).ShouldBeLessThan(Patience); // each look of its own would take 2 s
        }
        finally
        {
            broker.Node.Thaw();
        }

        await Eventually.HoldsAsync(async () => !await RepeatPassesAsync(await TakenThereAsync()), Patience);
        (await RepeatPassesAsync(taken)).ShouldBeFalse();

        async Task<Request> TakenThereAsync()
        {
            var request = Given.Request(TrafficClass.Transactional, Given.Recipient(), Channel.Email);
            await both.AppendAsync([RecordOf(request, 1)]);
            return request;
        }

        async Task<bool> RepeatPassesAsync(Request request)
        {
            request.RepeatSince = DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeMilliseconds();
            await both.AppendAsync([RecordOf(request, 0)]);
            var last = Incoming.Read(Topic, await both.ScanAsync(Here, DateTimeOffset.UnixEpoch).LastAsync());
            var passes = (await filter.FilterAsync([last], default)).Count > 0;
            filter.Passed([last]);
            return passes;
        }
    }

    private static RepeatFilter Filter(IEventLog log, TopicPartition at) => new(log, at, TimeSpan.FromMinutes(15), TimeProvider.System, NullLogger.Instance);

    private RepeatFilter Filter(TopicPartition at) => Filter(_log, at);

    private async Task<bool> PassesAsync(TopicPartition at, Incoming record) => (await Filter(at).FilterAsync([record], default)).Count > 0;

    private async Task<Incoming> LastAsync(TopicPartition at) => Incoming.Read(Topic, await _log.ScanAsync(at, DateTimeOffset.UnixEpoch).LastAsync());

    private async Task AppendAsync(int cluster, bool isMarked, Request request)
    {
        request.RepeatSince = isMarked ? DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds() : 0;
        await _log.AppendAsync([RecordOf(request, cluster)]);
    }

    private static Record RecordOf(Request request, int cluster) => new(Topic, "k"u8.ToArray(), request.ToByteArray()) { Partition = ClusterNumber.At(cluster, 0) };

    private Dispatch.Log.Files.FileLog Open(string name, int partitions = 1) => Dispatch.Log.Files.FileLog.Open(
        new Dispatch.Log.Files.FileLogOptions { Folder = _folder[name], Partitions = partitions, SegmentBytes = 1024 * 1024 }, [Topic], NullLogger.Instance);
}
