using System.Text;
using Dispatch.Log.Files;
using Dispatch.Log.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Log.Tests;

/// <summary>Small logs for tests, and what is in them.</summary>
static class Logs
{
    public const string Topic = "requests.transactional";
    public static readonly TopicPartition First = new(Topic, 0);

    public static FileLogOptions Options(string folder) => new() { Folder = folder, Partitions = 2, SegmentBytes = 64 * 1024, ReserveBytes = 16 * 1024 };

    public static FileLog Open(string folder) => Open(Options(folder));

    public static FileLog Open(FileLogOptions options, TimeProvider? time = null) =>
        FileLog.Open(options, [Topic, "push.transactional", "outcomes", "quarantine"], NullLogger.Instance, time);

    public static Task<KafkaLog> OpenAsync(KafkaOptions options, params string[] topics) => OpenAsync(options, NullLogger.Instance, topics);

    public static async Task<KafkaLog> OpenAsync(KafkaOptions options, ILogger says, params string[] topics)
    {
        var log = KafkaLog.Open(options, topics, says);
        await log.OpenedAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        return log;
    }

    public static Record Value(string value, int partition = 0, string topic = Topic) => new(topic, "k"u8.ToArray(), Encoding.UTF8.GetBytes(value)) { Partition = partition };

    public static async Task<List<string>> ReadAsync(IEventLog log, TopicPartition partition)
    {
        var values = new List<string>();
        await foreach (var entry in log.ScanAsync(partition, default))
        {
            values.Add(Encoding.UTF8.GetString(entry.Value.Span));
        }

        return values;
    }

    /// <summary>What a process that dies now would leave. A live log replaces its checkpoint and removes old files meanwhile: a copy in which that happened
    /// is of no moment at all, and is made again.</summary>
    public static void CopyAsCrashed(string from, string to)
    {
        while (!TryCopyAsCrashed(from, to))
        {
            Directory.Delete(to, recursive: true);
        }
    }

    private static bool TryCopyAsCrashed(string from, string to)
    {
        Directory.CreateDirectory(to);
        var before = Remaining(from);
        try
        {
            foreach (var path in before)
            {
                File.Copy(path, Path.Combine(to, Path.GetFileName(path)), overwrite: true);
            }
        }
        catch (FileNotFoundException)
        {
            return false;
        }

        return Remaining(from).SequenceEqual(before);
    }

    private static string[] Remaining(string folder) =>
        [.. Directory.GetFiles(folder).Where(path => Path.GetFileName(path) != "lock" && !path.EndsWith(".spare", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    public static string LastSegment(string folder) => Directory.GetFiles(folder, "*.wal").Max(StringComparer.Ordinal)!;

    /// <summary>(position, length) of every frame in a segment.</summary>
    public static List<(long At, int Length)> Frames(string path)
    {
        using var file = File.OpenHandle(path);
        var number = long.Parse(Path.GetFileNameWithoutExtension(path), System.Globalization.CultureInfo.InvariantCulture);
        var scanner = new FrameScanner(file, number, SegmentHeader.Size, RandomAccess.GetLength(file));
        var frames = new List<(long, int)>();
        while (scanner.MoveNext())
        {
            if (scanner.IsFrame)
            {
                frames.Add((scanner.Position, (int)scanner.Length));
            }
        }

        return frames;
    }
}
