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

        await Copies.AreWholeAsync(log, acknowledged, when);
    }
}
