using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Log;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatch.Channels.Tests.Journal;

static class Journals
{
    public static readonly string[] Topics = ["push.transactional", "push.campaign"];

    public static JournalFile Open(string folder, int segmentBytes = 1024 * 1024, long bytesMax = long.MaxValue, Action<Microsoft.Win32.SafeHandles.SafeFileHandle>? sync = null, JournalPosition shipped = default)
    {
        var settings = new JournalSettings(folder, "push", Topics, segmentBytes, bytesMax, TimeSpan.FromMilliseconds(1), shipped);
        return JournalFile.Open(sync is null ? settings : settings with { Sync = sync }, NullLogger.Instance);
    }

    public static Intent Intent(long offset, uint attempt = 1) => new(new Origin(0, 1, offset), new Id((UInt128)offset), attempt);

    public static JournaledOutcome Outcome(long offset, Ending ending = Ending.Done, uint attempts = 1, bool mayHaveLeft = false) => new()
    {
        Origin = new Origin(0, 1, offset),
        Ending = ending,
        Attempts = attempts,
        MayHaveLeft = mayHaveLeft,
        At = 1_000 + offset,
        Key = new byte[] { 1, 2, 3 },
        Value = new Outcome { MessageId = ByteString.CopyFrom(new Id((UInt128)offset).ToBytes()), Kind = OutcomeKind.Attempted, Reason = $"reason {offset}" }.ToByteArray(),
    };

    /// <summary>All that the journal remembers about the first topic's partition 1.</summary>
    public static Dictionary<long, Remembered> Recall(this JournalFile journal, long next = 0) =>
        journal.Recover(_ => next, atStart: true).GetValueOrDefault(new TopicPartition(Topics[0], 1)) ?? [];

    public static Task AppendAsync(this JournalFile journal, params ReadOnlySpan<JournaledOutcome> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            journal.Append(outcome, null);
        }

        return journal.SyncAsync();
    }
}
