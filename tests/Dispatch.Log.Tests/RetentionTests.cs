using Dispatch.Log.Files;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

public sealed class RetentionTests : IDisposable
{
    private readonly MemoryFolder _folder = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Segments_that_every_group_has_passed_go_after_their_time_and_offsets_go_on()
    {
        await using (var log = Open())
        {
            await using var hop = await Hop.RunAsync(log, "hop", Logs.Topic);
            await FillAsync(log, Logs.Topic);
            await hop.PassAllAsync();
            Segments().ShouldBeGreaterThan(3);
            _time.Advance(TimeSpan.FromHours(2));
            await Eventually.HoldsAsync(() => Segments() == 1);
            log.Damages.ShouldBeEmpty();
        }

        await using (var log = Open())
        {
            log.Damages.ShouldBeEmpty();
            (await log.EndAsync(Logs.First)).ShouldBe(100);
            (await log.PositionAsync("hop", Logs.First)).ShouldBe(new Position(100));
            await log.AppendAsync([Logs.Value("next")]);
            (await Logs.ReadAsync(log, Logs.First))[^1].ShouldBe("next");
            (await log.EndAsync(Logs.First)).ShouldBe(101);
        }
    }

    [Fact]
    public async Task A_group_that_does_not_move_holds_back_only_its_own_topics_and_is_reported()
    {
        await using var log = Open();
        await using (await Hop.RunAsync(log, "slow", "outcomes"))
        {
            await log.AppendAsync([Logs.Value("wanted", topic: "outcomes")]);
            await FillAsync(log, Logs.Topic);
            await log.AppendAsync([Logs.Value("wanted too", topic: "outcomes")]);
            _time.Advance(TimeSpan.FromHours(2));
            await Eventually.HoldsAsync(() => Directory.GetFiles(_folder.Path, "*.wal").Count(path => new FileInfo(path).Length > 16 * 1024) == 1); // the one that is written
            _time.Advance(TimeSpan.FromHours(1));
            await Eventually.HoldsAsync(() => log.Stalled.Count == 1);
            log.Stalled[0].Group.ShouldBe("slow");
            log.Stalled[0].Waiting.ShouldBe(2);
        }

        await log.DisposeAsync();
        await using var again = Open();
        again.Damages.ShouldBeEmpty();
        (await Logs.ReadAsync(again, new TopicPartition("outcomes", 0))).ShouldBe(["wanted", "wanted too"]);
    }

    [Fact]
    public async Task A_retired_group_holds_back_nothing()
    {
        await using (var log = Open())
        {
            await using var hop = await Hop.RunAsync(log, "gone", Logs.Topic);
            await FillAsync(log, Logs.Topic);
        }

        await using var again = Logs.Open(Logs.Options(_folder.Path) with { RetiredGroups = ["gone"] }, _time);
        _time.Advance(TimeSpan.FromHours(2));
        await Eventually.HoldsAsync(() => Segments() == 0);
    }

    [Fact]
    public async Task Quarantine_stays_for_its_own_time_and_costs_only_its_own_bytes()
    {
        await using (var log = Open())
        {
            await FillAsync(log, Logs.Topic);
            await log.AppendAsync([Logs.Value("parked", topic: "quarantine")]);
            await FillAsync(log, Logs.Topic);
        }

        await using (var log = Open())
        {
            _time.Advance(TimeSpan.FromHours(2));
            await Eventually.HoldsAsync(() => Segments() == 1 && new FileInfo(Logs.LastSegment(_folder.Path)).Length < 16 * 1024);
            (await Logs.ReadAsync(log, new TopicPartition("quarantine", 0))).ShouldBe(["parked"]);
        }

        foreach (var index in Directory.GetFiles(_folder.Path, "*.idx"))
        {
            File.Delete(index); // so that the thinned segment is scanned
        }

        await using (var log = Open())
        {
            log.Damages.ShouldBeEmpty();
            (await Logs.ReadAsync(log, new TopicPartition("quarantine", 0))).ShouldBe(["parked"]);
            _time.Advance(TimeSpan.FromDays(31));
            await Eventually.HoldsAsync(() => Segments() == 0);
        }
    }

    [Fact]
    public async Task A_reader_that_looks_back_is_not_disturbed_when_its_segment_goes()
    {
        await using var log = Open();
        await FillAsync(log, Logs.Topic);
        var values = 0;
        await foreach (var _ in log.ScanAsync(Logs.First, default))
        {
            if (values++ == 0)
            {
                var segments = Segments();
                _time.Advance(TimeSpan.FromHours(2));
                await Eventually.HoldsAsync(() => Segments() < segments);
                await FillAsync(log, Logs.Topic); // recycled files are written over
            }
        }

        values.ShouldBeGreaterThan(0);
        log.Damages.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_group_that_is_known_but_lost_its_position_stops_and_says_so()
    {
        await using (var log = Open())
        {
            await using var hop = await Hop.RunAsync(log, "hop", Logs.Topic);
        }

        foreach (var path in Directory.GetFiles(_folder.Path, "*.wal").Concat(Directory.GetFiles(_folder.Path, "*.checkpoint")))
        {
            File.Delete(path);
        }

        await using var again = Open();
        (await Should.ThrowAsync<InvalidOperationException>(again.RunAsync(new Group("hop", [Logs.Topic]), (_, _) => Task.CompletedTask, CancellationToken.None)))
            .Message.ShouldContain("no position");
    }

    private static async Task FillAsync(FileLog log, string topic)
    {
        for (var i = 0; i < 100; i++)
        {
            await log.AppendAsync([Logs.Value($"{i} {new string('x', 3000)}", topic: topic)]);
        }
    }

    private FileLog Open() => Logs.Open(Logs.Options(_folder.Path), _time);

    private int Segments() => Directory.GetFiles(_folder.Path, "*.wal").Length;
}
