using System.Text;

namespace Dispatch.Log.Crasher;

/// <summary>
/// Appends to one topic, and a hop that copies each record to another, out of order: it settles a random part of each batch, and commits copies and position, marks included, together.
/// So whenever it dies, the copies that are in the log are exactly those of the records that the position counts as done.
/// </summary>
public static class Work
{
    public const string In = "requests.transactional";
    public const string Out = "push.transactional";
    private const int Appenders = 4;

    public static IReadOnlyList<string> Topics { get; } = [In, Out];

    public static async Task UntilKilledAsync(IEventLog log, int run, TextWriter output)
    {
        var hop = log.RunAsync(new Group("hop", [In]) { BatchSizeMax = 20 }, CopyAsync, CancellationToken.None);
        var appenders = Enumerable.Range(0, Appenders).Select(appender => AppendAsync(log, $"{run}-{appender}", output));
        await Task.WhenAll(appenders.Append(hop));
    }

    private static async Task AppendAsync(IEventLog log, string name, TextWriter output)
    {
        for (var n = 0; ; n++)
        {
            var values = Enumerable.Range(0, 1 + (n % 3)).Select(i => $"{name}-{n}-{i}").ToArray();
            await log.AppendAsync([.. values.Select(value => new Record(In, Encoding.UTF8.GetBytes(value), Encoding.UTF8.GetBytes(value)))]);
            await output.WriteLineAsync(string.Join(' ', values));
        }
    }

    /// <summary>The hop's work on one partition.</summary>
    public static async Task CopyAsync(IPartition partition, CancellationToken stop)
    {
        var random = new Random();
        var window = new Window(partition.Start);
        var open = new List<Entry>();
        await foreach (var batch in partition.ReadAsync(partition.Start, stop))
        {
            foreach (var entry in batch.Entries)
            {
                window.Begin(entry.Offset);
                open.Add(entry);
            }

            var settled = open.Where(_ => random.Next(3) > 0 || open.Count > 200).ToList();
            open.RemoveAll(settled.Contains);
            settled.ForEach(entry => window.Done(entry.Offset));
            await partition.CommitAsync([.. settled.Select(entry => new Record(Out, entry.Key, entry.Value))], window.Position, CancellationToken.None);
        }
    }
}
