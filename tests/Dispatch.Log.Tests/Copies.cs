using System.Text;
using Dispatch.Log.Crasher;
using Dispatch.Testing;

namespace Dispatch.Log.Tests;

/// <summary>What must hold for the crasher's work at any moment when nobody works.</summary>
static class Copies
{
    /// <summary>Whatever was acknowledged is there once, and the copies are exactly those of the records that the position counts as done, each once.</summary>
    /// <param name="mayRepeat">The brokers have lost an acknowledged position: what they kept of the same commit is there twice.</param>
    public static async Task AreWholeAsync(IEventLog log, IEnumerable<string> acknowledged, string when, bool mayRepeat = false)
    {
        var appended = await ReadAsync(log, Work.In);
        appended.Select(at => at.Value).ShouldBeUnique(when);
        var there = appended.Select(at => at.Value).ToHashSet();
        acknowledged.Where(value => !there.Contains(value)).ShouldBeEmpty(when);

        var done = new HashSet<string>();
        for (var partition = 0; partition < log.PartitionsOf(Work.In); partition++)
        {
            var position = await log.PositionAsync("hop", new TopicPartition(Work.In, partition)) ?? Position.Zero;
            done.UnionWith(appended.Where(at => at.Partition == partition && IsDone(position, at.Offset)).Select(at => at.Value));
        }

        var copies = (await ReadAsync(log, Work.Out)).Select(at => at.Value).ToList();
        if (!mayRepeat)
        {
            copies.ShouldBeUnique(when);
        }

        done.SymmetricExceptWith(copies);
        done.ShouldBeEmpty(when);
    }

    private static bool IsDone(Position position, long offset) => offset < position.Next || position.Above.Any(mark => mark.Offset == offset);

    private static async Task<List<(int Partition, long Offset, string Value)>> ReadAsync(IEventLog log, string topic)
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
