using System.Globalization;
using Dispatch.Channels.Journal;
using Dispatch.Testing;

namespace Dispatch.Channels.Tests.Journal;

/// <summary>A process writes intents and outcomes as fast as it can, and says what it was promised; it is killed at random moments; nothing that it said may be missing.</summary>
public sealed class CrashTests : IDisposable
{
    private const int OutcomesMin = 20;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_a_killed_process_was_promised_is_there()
    {
        var intents = new HashSet<long>();
        var outcomes = new HashSet<long>();
        for (var round = 0; round < 6; round++)
        {
            using var victim = Victim.Start("journal", _folder.Path);
            var promised = outcomes.Count + OutcomesMin; // on a busy machine the thread that syncs may come late
            for (var left = Random.Shared.Next(500, 5_000); (left > 0 || outcomes.Count < promised) && await victim.Output.ReadLineAsync() is { } line; left--)
            {
                (line[0] == 'I' ? intents : outcomes).Add(long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture));
            }

            victim.Kill();
            using var journal = Journals.Open(_folder.Path);
            var known = journal.Recall();
            intents.Where(offset => !known.ContainsKey(offset)).ShouldBeEmpty();
            outcomes.Where(offset => known[offset].InDoubt).ShouldBeEmpty();
            journal.Faults.Where(fault => !fault.Torn).ShouldBeEmpty();
        }

        outcomes.Count.ShouldBeGreaterThanOrEqualTo(6 * OutcomesMin);
    }
}

static class JournalVictim
{
    public static async Task<int> RunAsync(string folder)
    {
        using var journal = Journals.Open(folder, segmentBytes: 64 * 1024);
        await using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var said = TextWriter.Synchronized(output);
        for (var offset = (long)journal.Owner.Starts * 1_000_000; ; offset++)
        {
            journal.Stage(Journals.Intent(offset));
            journal.Flush();
            said.WriteLine($"I{offset}");
            if (offset % 3 != 0)
            {
                journal.Append(Journals.Outcome(offset), new Said(said, offset));
            }
        }
    }

    private sealed class Said(TextWriter output, long offset) : IDurable
    {
        public void OnDurable() => output.WriteLine($"O{offset}");
    }
}
