using Dispatch.Log.Files;

namespace Dispatch.Log.Tests;

/// <summary>Torn tails, flipped bits, missing files: each is told, none is passed over in silence, and nothing is read that was not written.</summary>
public sealed class DamageTests : IDisposable
{
    private const int Records = 5;
    private readonly MemoryFolder _folder = new();
    private readonly string _crashed;
    private readonly string _tried;

    public DamageTests() => (_crashed, _tried) = (_folder["crashed"], _folder["tried"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_tail_torn_off_at_any_byte_that_nobody_was_promised_is_cut_and_reported()
    {
        var last = await CrashAsync();
        for (var cut = 0; cut <= last.Length; cut++)
        {
            Try();
            File.Delete(Path.Combine(_tried, "watermark")); // as if the power had gone before the sync returned
            Truncate(last.At + cut);

            await using var log = Logs.Open(_tried);
            var isWhole = cut == last.Length;
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(Values(isWhole ? Records : Records - 1), $"cut at {cut}");
            log.Damages.Select(damage => damage.Kind).ShouldBe(isWhole || cut == 0 ? [] : [DamageKind.TornTail], $"cut at {cut}");
            await log.AppendAsync([Logs.Value("after")]);
            (await Logs.ReadAsync(log, Logs.First))[^1].ShouldBe("after");
        }
    }

    [Fact]
    public async Task A_tail_torn_off_at_any_byte_that_was_durable_is_reported_as_lost()
    {
        var last = await CrashAsync();
        for (var cut = 0; cut < last.Length; cut++)
        {
            Try();
            Truncate(last.At + cut);

            await using var log = Logs.Open(_tried);
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(Values(Records - 1), $"cut at {cut}");
            log.Damages.ShouldHaveSingleItem($"cut at {cut}").Kind.ShouldBe(DamageKind.Missing);
        }
    }

    [Theory]
    [InlineData(Records - 1)]
    [InlineData(2)]
    public async Task Any_flipped_bit_of_a_durable_record_is_found_at_start_and_only_it_is_passed_over(int record)
    {
        await CrashAsync();
        var frame = Logs.Frames(Logs.LastSegment(_crashed))[record];
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            Try();
            Flip(Logs.LastSegment(_tried), frame.At, bit);

            await using var log = Logs.Open(_tried);
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(Values(Records).Where((_, i) => i != record), $"bit {bit}");
            log.Damages.ShouldContain(damage => damage.Kind != DamageKind.TornTail, $"bit {bit}");
        }
    }

    [Fact]
    public async Task Any_flipped_bit_of_a_record_in_a_sealed_segment_is_found_when_it_is_read()
    {
        await using (var log = Logs.Open(_crashed))
        {
            await AppendAsync(log);
        }

        var frame = Logs.Frames(Logs.LastSegment(_crashed))[2];
        for (var bit = FrameHeader.Size * 8; bit < frame.Length * 8; bit++)
        {
            Try();
            Flip(Logs.LastSegment(_tried), frame.At, bit);

            await using var log = Logs.Open(_tried);
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(Values(Records).Where((_, i) => i != 2), $"bit {bit}");
            var damage = log.Damages.ShouldHaveSingleItem($"bit {bit}");
            (damage.Kind, damage.Partition, damage.FirstOffset, damage.EndOffset).ShouldBe((DamageKind.Damaged, Logs.First, 2, 3));
        }
    }

    [Fact]
    public async Task Damage_is_kept_aside_and_reported_again_at_the_next_start()
    {
        var last = await CrashAsync();
        Try();
        var original = (await File.ReadAllBytesAsync(Logs.LastSegment(_tried))).AsSpan((int)last.At, last.Length).ToArray();
        Flip(Logs.LastSegment(_tried), last.At, (last.Length * 8) - 1);
        original[^1] ^= 0x80;

        await using (var log = Logs.Open(_tried))
        {
            log.Damages.ShouldHaveSingleItem();
        }

        await using (var log = Logs.Open(_tried))
        {
            log.Damages.ShouldHaveSingleItem().Bytes.ShouldBe(last.Length);
            (await File.ReadAllBytesAsync(Directory.GetFiles(Path.Combine(_tried, "damaged"), "*.bin").ShouldHaveSingleItem())).ShouldBe(original);
        }
    }

    [Fact]
    public async Task A_damaged_run_costs_only_its_own_records_of_the_frame()
    {
        await using (var log = Logs.Open(_folder["live"]))
        {
            await log.AppendAsync([Logs.Value("zero"), Logs.Value("one", partition: 1), Logs.Value("out", topic: "outcomes")]);
            Logs.CopyAsCrashed(_folder["live"], _tried);
        }

        Flip(Logs.LastSegment(_tried), Find(Logs.LastSegment(_tried), "one"u8), 0);
        await using var tried = Logs.Open(_tried);
        (await Logs.ReadAsync(tried, Logs.First)).ShouldBe(["zero"]);
        (await Logs.ReadAsync(tried, new TopicPartition(Logs.Topic, 1))).ShouldBeEmpty();
        (await Logs.ReadAsync(tried, new TopicPartition("outcomes", 0))).ShouldBe(["out"]);
        tried.Damages.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("*.idx", false)]
    [InlineData("*.checkpoint", true)]
    public async Task What_can_be_made_again_from_the_segments_is(string pattern, bool isReported)
    {
        await using (var log = Logs.Open(_crashed))
        {
            await AppendAsync(log);
        }

        var size = (int)new FileInfo(Directory.GetFiles(_crashed, pattern).Max(StringComparer.Ordinal)!).Length;
        for (var at = 0; at < size; at++)
        {
            Try();
            Flip(Directory.GetFiles(_tried, pattern).Max(StringComparer.Ordinal)!, at, 3);
            await using var log = Logs.Open(_tried);
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(Values(Records), $"byte {at}");
            log.Damages.Count.ShouldBe(isReported ? 1 : 0, $"byte {at}");
        }
    }

    [Fact]
    public async Task A_segment_in_the_middle_that_is_gone_or_cut_short_is_reported()
    {
        for (var i = 0; i < 3; i++)
        {
            await using var log = Logs.Open(_crashed);
            await log.AppendAsync([Logs.Value($"{i}")]);
        }

        Try();
        File.Delete(Directory.GetFiles(_tried, "*.wal").Order(StringComparer.Ordinal).ElementAt(1));
        await using (var log = Logs.Open(_tried))
        {
            log.Damages.ShouldHaveSingleItem().Kind.ShouldBe(DamageKind.Missing);
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(["0", "2"]);
        }

        Try();
        var middle = Directory.GetFiles(_tried, "*.wal").Order(StringComparer.Ordinal).ElementAt(1);
        using (var file = File.OpenHandle(middle, FileMode.Open, FileAccess.Write))
        {
            RandomAccess.SetLength(file, SegmentHeader.Size);
        }

        await using (var log = Logs.Open(_tried))
        {
            (await Logs.ReadAsync(log, Logs.First)).ShouldBe(["0", "2"]);
            log.Damages.ShouldContain(damage => damage.Kind == DamageKind.Missing);
        }
    }

    [Fact]
    public async Task A_log_without_its_manifest_is_not_touched()
    {
        await using (var log = Logs.Open(_crashed))
        {
            await AppendAsync(log);
        }

        var manifest = Path.Combine(_crashed, "log.json");
        await File.WriteAllTextAsync(manifest, "{");
        Should.Throw<InvalidDataException>(() => Logs.Open(_crashed));
        File.Delete(manifest);
        Should.Throw<InvalidDataException>(() => Logs.Open(_crashed)).Message.ShouldContain("log.json");
    }

    private static async Task AppendAsync(FileLog log)
    {
        foreach (var value in Values(Records))
        {
            await log.AppendAsync([Logs.Value(value)]);
        }
    }

    private static IEnumerable<string> Values(int count) => Enumerable.Range(0, count).Select(i => $"value {i}");

    private async Task<(long At, int Length)> CrashAsync()
    {
        await using var log = Logs.Open(_folder["live"]);
        await AppendAsync(log);
        Logs.CopyAsCrashed(_folder["live"], _crashed);
        return Logs.Frames(Logs.LastSegment(_crashed))[^1];
    }

    private void Try()
    {
        if (Directory.Exists(_tried))
        {
            Directory.Delete(_tried, recursive: true);
        }

        Logs.CopyAsCrashed(_crashed, _tried);
    }

    private void Truncate(long length)
    {
        using var file = File.OpenHandle(Logs.LastSegment(_tried), FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(file, length);
    }

    private static void Flip(string path, long from, int bit)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        Span<byte> one = stackalloc byte[1];
        RandomAccess.Read(file, one, from + (bit / 8));
        one[0] ^= (byte)(1 << (bit % 8));
        RandomAccess.Write(file, one, from + (bit / 8));
    }

    private static long Find(string path, ReadOnlySpan<byte> text) => File.ReadAllBytes(path).AsSpan().IndexOf(text);
}
