using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Ingest.Spooling;
using Dispatch.Log;
using Dispatch.Log.Kafka;

namespace Dispatch.Host;

/// <summary>`adopt`: brings what a process that never comes back left on its disk to where it belongs.</summary>
static class AdoptCommand
{
    private const string Help = """
        dispatch adopt FOLDER [FOLDER...] --kafka HOST:PORT[,...]

          Takes over what an instance left that never comes back (its volume mounted here, or copied):

            a spool      {data}/ingest/spool of an Ingest: every record goes to Kafka; Router drops what is there already
            a journal    {data}/journal/push (email, sms) of a dispatcher: its outcomes are shipped, which closes its blind window, and the messages that it kept are settled

          It sends nothing to providers. Killed or repeated it does no harm. An instance that still runs has its folder, and it is refused.
          Afterwards the folder may be deleted.

          Settings: as of `dispatch topics`. Exit code: 0 all of it was brought over, 1 it was not.
        """;

    public static async Task<int> RunAsync(string[] args, IConfiguration configuration)
    {
        string[] folders = [.. args.Skip(1).TakeWhile(it => !it.StartsWith('-'))];
        if (folders.Length == 0 || args.Any(it => it is "--help" or "-h"))
        {
            await Console.Out.WriteLineAsync(Help);
            return folders.Length == 0 && !args.Any(it => it is "--help" or "-h") ? 1 : 0;
        }

        if (!KafkaClusters.AreConfigured(configuration) || configuration["Dispatch:Kafka:Brokers"] == LocalKafka.Auto)
        {
            await Console.Error.WriteLineAsync("dispatch: where to? --kafka HOST:PORT, or Dispatch:Kafka:Brokers");
            return 1;
        }

        using var loggers = LoggerFactory.Create(logging => logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning));
        await using var log = KafkaClusters.LogOf(KafkaClusters.Open(configuration, loggers), loggers);
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) => { pressed.Cancel = true; stop.Cancel(); };
        var failed = 0;
        foreach (var folder in folders)
        {
            failed += await TryAdoptAsync(folder, log, loggers, stop.Token) ? 0 : 1;
        }

        return failed == 0 ? 0 : 1;
    }

    private static async Task<bool> TryAdoptAsync(string folder, IEventLog log, ILoggerFactory loggers, CancellationToken stop)
    {
        try
        {
            if (!Directory.Exists(folder))
            {
                throw new InvalidDataException($"There is no folder {folder}.");
            }

            if (JournalAdoption.IsJournal(folder))
            {
                var kept = await JournalAdoption.RunAsync(folder, log, TimeProvider.System, loggers.CreateLogger("Dispatch.Channels"), stop);
                await Console.Out.WriteLineAsync($"{folder}: a journal; all its outcomes are shipped, {kept} kept messages are settled. It may be deleted");
                return true;
            }

            var told = DateTimeOffset.MinValue;
            var found = await SpoolAdoption.RunAsync(folder, log, TimeProvider.System, loggers, left =>
            {
                if (DateTimeOffset.UtcNow - told > TimeSpan.FromSeconds(2))
                {
                    told = DateTimeOffset.UtcNow;
                    Console.Out.WriteLine($"{folder}: {left} records to go");
                }
            }, stop);
            await Console.Out.WriteLineAsync($"{folder}: a spool; all of its {found} records are in Kafka. It may be deleted");
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidDataException or IOException or LogUnavailableException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"dispatch: {folder} is not adopted: {e.Message}");
            return false;
        }
    }
}
