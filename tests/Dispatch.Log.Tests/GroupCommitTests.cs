using Dispatch.Log.Files;

namespace Dispatch.Log.Tests;

public sealed class GroupCommitTests : IDisposable
{
    private readonly MemoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Frames of one group carry the same watermark, so the segment itself tells how many syncs they took. A sync lasts long enough for all callers to come back on a busy machine.</summary>
    [Fact]
    public async Task One_sync_serves_everything_that_waits()
    {
        const int callers = 64;
        const int each = 20;
        await using var log = Logs.Open(Logs.Options(_folder.Path) with { SegmentBytes = 1024 * 1024, SyncDelay = TimeSpan.FromMilliseconds(25) });
        await Task.WhenAll(Enumerable.Range(0, callers).Select(async caller =>
        {
            for (var i = 0; i < each; i++)
            {
                await log.AppendAsync([Logs.Value($"{caller} {i}")]);
            }
        }));

        using var file = File.OpenHandle(Logs.LastSegment(_folder.Path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var scanner = new FrameScanner(file, 1, SegmentHeader.Size, RandomAccess.GetLength(file));
        var frames = 0;
        var groups = new HashSet<long>();
        while (scanner.MoveNext())
        {
            if (scanner.IsFrame)
            {
                frames++;
                groups.Add(scanner.Header.Durable);
            }
        }

        frames.ShouldBe(callers * each);
        (frames / groups.Count).ShouldBeGreaterThan(callers / 4, $"{groups.Count} syncs for {frames} callers");
    }

    /// <summary>What fails in a group concerns only whoever asked for it.</summary>
    [Fact]
    public async Task A_refused_commit_does_not_hurt_those_who_wait_with_it()
    {
        await using var log = Logs.Open(Logs.Options(_folder.Path) with { SyncDelay = TimeSpan.FromMilliseconds(20) });
        await using var hop = await Hop.RunAsync(log, "hop", Logs.Topic);
        await hop[Logs.First].CommitAsync([], new Position(10));

        var before = log.AppendAsync([Logs.Value("before")]).AsTask();
        var refused = hop[Logs.First].CommitAsync([Logs.Value("never")], new Position(9)).AsTask();
        var after = log.AppendAsync([Logs.Value("after")]).AsTask();
        await before;
        await after;
        await Should.ThrowAsync<ArgumentException>(refused);
        (await Logs.ReadAsync(log, Logs.First)).ShouldBe(["before", "after"]);
    }
}
