using System.Globalization;
using System.Text;
using Dispatch.Log;
using Dispatch.Log.Crasher;
using Dispatch.Log.Files;
using Dispatch.Log.Kafka;
using Microsoft.Extensions.Logging.Abstractions;

// work FOLDER|kafka:BROKERS RUN: appends and runs a hop until it is killed; one line per acknowledged append.
// appends FOLDER: one append per line of input; answers "ok" or the fault.
const string kafka = "kafka:";
await using var log = args[1].StartsWith(kafka, StringComparison.Ordinal)
    ? (IEventLog)KafkaLog.Open(new KafkaOptions { Brokers = args[1][kafka.Length..], Replication = 1, SessionTimeout = TimeSpan.FromSeconds(6) }, [.. Work.Topics], NullLogger.Instance)
    : FileLog.Open(new FileLogOptions { Folder = args[1], SegmentBytes = 256 * 1024, ReserveBytes = 32 * 1024 }, Work.Topics, NullLogger.Instance);
await log.OpenedAsync(CancellationToken.None);
using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
await (args[0] switch
{
    "work" => Work.UntilKilledAsync(log, int.Parse(args[2], CultureInfo.InvariantCulture), TextWriter.Synchronized(output)),
    "appends" => Appends.ByLineAsync(log, Console.In, output),
    var other => throw new ArgumentException($"no such mode: {other}"),
});
