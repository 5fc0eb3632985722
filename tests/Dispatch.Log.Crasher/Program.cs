using System.Globalization;
using System.Text;
using Dispatch.Log;
using Dispatch.Log.Crasher;
using Dispatch.Log.Files;
using Microsoft.Extensions.Logging.Abstractions;

// work FOLDER RUN: appends and runs a hop until it is killed; one line per acknowledged append.
// appends FOLDER: one append per line of input; answers "ok" or the fault.
var options = new FileLogOptions { Folder = args[1], SegmentBytes = 256 * 1024, ReserveBytes = 32 * 1024 };
await using var log = FileLog.Open(options, Work.Topics, NullLogger.Instance);
using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
await (args[0] switch
{
    "work" => Work.UntilKilledAsync(log, int.Parse(args[2], CultureInfo.InvariantCulture), TextWriter.Synchronized(output)),
    "appends" => Appends.ByLineAsync(log, Console.In, output),
    var other => throw new ArgumentException($"no such mode: {other}"),
});
