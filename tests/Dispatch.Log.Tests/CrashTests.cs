using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Dispatch.Log.Files;
using Dispatch.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests;

/// <summary>A process that appends and commits is killed with -9, again and again, on the same log.</summary>
public sealed class CrashTests : IDisposable
{
    private const int Kills = 20;
    private const string In = "requests.transactional";
    private const string Out = "push.transactional";
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_acknowledged_record_is_read_back_and_every_commit_is_whole()
    {
        var acknowledged = new ConcurrentBag<string>();
        var random = new Random(7);
        for (var run = 0; run < Kills; run++)
        {
            await KillAsync(run, acknowledged, TimeSpan.FromMilliseconds(random.Next(5, 250)));
            await CheckAsync(acknowledged, $"after kill {run}");
        }

        acknowledged.Count.ShouldBeGreaterThan(Kills);
    }

    private async Task KillAsync(int run, ConcurrentBag<string> acknowledged, TimeSpan after)
    {
        using var child = Crasher.Start("work", _folder.Path, run.ToString(CultureInfo.InvariantCulture));
        var first = await child.StandardOutput.ReadLineAsync();
        var killAt = Stopwatch.GetTimestamp() + (long)(after.TotalSeconds * Stopwatch.Frequency);
        var killer = Task.Run(async () =>
        {
            while (Stopwatch.GetTimestamp() < killAt)
            {
                await Task.Yield();
            }

            child.Kill(); // SIGKILL
        });
        for (var line = first; line is not null; line = await child.StandardOutput.ReadLineAsync())
        {
            foreach (var value in line.Split(' '))
            {
                acknowledged.Add(value);
            }
        }

        await killer;
        await child.WaitForExitAsync();
        first.ShouldNotBeNull(await child.StandardError.ReadToEndAsync());
    }

    private async Task CheckAsync(IEnumerable<string> acknowledged, string when)
    {
        var options = new FileLogOptions { Folder = _folder.Path, SegmentBytes = 256 * 1024, ReserveBytes = 32 * 1024 };
        await using var log = FileLog.Open(options, [In, Out], NullLogger.Instance);
        log.Damages.ShouldAllBe(damage => damage.Kind == DamageKind.TornTail, when);

        var appended = await ReadAsync(log, In);
        appended.Select(at => at.Value).ShouldBeUnique(when);
        var there = appended.Select(at => at.Value).ToHashSet();
        acknowledged.Where(value => !there.Contains(value)).ShouldBeEmpty(when);

        var done = new HashSet<string>();
        for (var partition = 0; partition < log.PartitionsOf(In); partition++)
        {
            var position = await log.PositionAsync("hop", new TopicPartition(In, partition)) ?? Position.Zero;
            done.UnionWith(appended.Where(at => at.Partition == partition && IsDone(position, at.Offset)).Select(at => at.Value));
        }

        var copies = (await ReadAsync(log, Out)).Select(at => at.Value).ToList();
        copies.ShouldBeUnique(when);
        done.SymmetricExceptWith(copies);
        done.ShouldBeEmpty(when);
    }

    private static bool IsDone(Position position, long offset) => offset < position.Next || position.Above.Any(mark => mark.Offset == offset);

    private static async Task<List<(int Partition, long Offset, string Value)>> ReadAsync(FileLog log, string topic)
    {
        var all = new List<(int, long, string)>();
        for (var partition = 0; partition < log.PartitionsOf(topic); partition++)
        {
            await foreach (var entry in log.ScanAsync(new TopicPartition(topic, partition), default))
            {
                all.Add((partition, entry.Offset, Encoding.UTF8.GetString(entry.Value.Span)));
            }
        }

        return all;
    }
}
