using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Log.Clusters;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Wire;

/// <summary>Bypass of the feedback loop: the shipper pauses, sending does not, and nothing is missing afterwards.</summary>
public sealed class BypassTests : IAsyncLifetime
{
    private static readonly ModeScope Push = new(Channel.Push);
    private readonly Rig _rig = new();
    private Endpoint _endpoint = null!;

    public async Task InitializeAsync() => _endpoint = await Endpoint.StartAsync();

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        await _endpoint.DisposeAsync();
    }

    [Fact]
    public async Task Sending_goes_on_and_every_partition_hears_when_all_that_stayed_behind_is_there()
    {
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(100);
        await _rig.ExpectAsync(State.Sent, 100);

        _rig.Switch(Switches.Feedback, "bypass", Push);
        await Eventually.HoldsAsync(IsPaused);
        var before = DateTimeOffset.UtcNow;
        await _rig.PutAsync(200);
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count == 300);
        await _rig.DrainedAsync(Topics.Messages(Channel.Push, TrafficClass.Transactional));
        (await _rig.OutcomesAsync()).Count.ShouldBe(100);

        _rig.Switch(Switches.Feedback, "on", Push);
        var outcomes = await _rig.ExpectAsync(State.Sent, 300);
        await Eventually.HoldsAsync(async () => (await MarksAsync()).Count == Rig.Partitions);
        var marks = await MarksAsync();
        marks.Select(it => it.Partition).ShouldBe(Enumerable.Range(0, Rig.Partitions), ignoreOrder: true);
        marks.ShouldAllBe(it => it.Mark.SourceId.StartsWith("push-") && it.Mark.At >= before.ToUnixTimeMilliseconds() && it.IsBehindAll);
        marks[0].Mark.At.ShouldBe(outcomes.Where(it => it.State == State.Sent).Select(it => it.At).Order().ElementAt(100));
    }

    [Fact]
    public async Task A_bypass_outlives_a_restart()
    {
        _rig.Switch(Switches.Feedback, "bypass", Push);
        await _rig.PutAsync(50);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count == 50);
        await _rig.StopAsync();
        (await _rig.OutcomesAsync()).ShouldBeEmpty();

        _rig.Switch(Switches.Feedback, "on", Push);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.ExpectAsync(State.Sent, 50);
        await Eventually.HoldsAsync(async () => (await MarksAsync()).Count == Rig.Partitions);
        _endpoint.Receipts.Count.ShouldBe(50);
    }

    [Fact]
    public async Task It_comes_on_by_itself_when_outcomes_cannot_be_written_and_goes_by_itself()
    {
        var faulty = new FaultyLog(_rig.Log) { OutcomesAreAway = true };
        _rig.Seen = faulty;
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(100);
        await Eventually.HoldsAsync(() => _rig.Automatic is [{ Switch: Switches.Feedback, Value: "bypass" }], TimeSpan.FromSeconds(10));
        await _rig.PutAsync(100);
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count == 200);

        faulty.OutcomesAreAway = false;
        await _rig.ExpectAsync(State.Sent, 200);
        await Eventually.HoldsAsync(() => _rig.Automatic.Count == 0);
        await Eventually.HoldsAsync(async () => (await MarksAsync()).Count == Rig.Partitions);
    }

    /// <summary>What stayed behind may be that cluster's too, and Feedback waits for a mark from each partition there is.</summary>
    [KafkaFact]
    public async Task The_mark_waits_for_a_cluster_that_is_away()
    {
        var port = FreePorts.Row(2);
        await using var both = new ClusteredLog(new ClusterWeights([new Cluster(0, "main", 1, new SharedLog(_rig.Log)), new Cluster(1, "east", 0, Broker.OpenAt(port))]), [.. Topics.All], NullLogger.Instance);
        _rig.Seen = both;
        _rig.Switch(Switches.Feedback, "bypass", Push);
        await _rig.StartAsync((Rig.Lane(), _endpoint.Address));
        await _rig.PutAsync(50);
        await Eventually.HoldsAsync(() => _endpoint.Receipts.Count == 50);
        await Eventually.HoldsAsync(IsPaused);

        _rig.Switch(Switches.Feedback, "on", Push);
        await _rig.ExpectAsync(State.Sent, 50);
        await using var east = await Broker.StartAsync(port);
        await Eventually.HoldsAsync(async () => (await MarksAsync()).Count == Rig.Partitions, TimeSpan.FromSeconds(60));
        await _rig.StopAsync();
        foreach (var partition in both.AllPartitionsOf(Topics.Outcomes).Where(it => ClusterNumber.Of(it.Partition) == 1))
        {
            (await both.ScanAsync(partition, DateTimeOffset.MinValue).CountAsync()).ShouldBe(1, partition.ToString());
        }
    }

    /// <summary>As the shipper notes it for its next start.</summary>
    private bool IsPaused()
    {
        using var file = new FileStream(Path.Combine(_rig.JournalFolder, "shipped"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[64];
        return file.Read(bytes) > 24 && bytes[24] == 1;
    }

    private async Task<List<(int Partition, Outcome Mark, bool IsBehindAll)>> MarksAsync()
    {
        var marks = new List<(int, Outcome, bool)>();
        for (var partition = 0; partition < Rig.Partitions; partition++)
        {
            var all = new List<Outcome>();
            await foreach (var entry in _rig.Log.ScanAsync(new TopicPartition(Topics.Outcomes, partition), DateTimeOffset.MinValue))
            {
                all.Add(Outcome.Parser.ParseFrom(entry.Value.Span));
            }

            marks.AddRange(all.Where(it => it.Kind == OutcomeKind.CaughtUp).Select(it => (partition, it, all[^1] == it)));
        }

        return marks;
    }
}
