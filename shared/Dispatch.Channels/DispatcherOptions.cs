using System.ComponentModel.DataAnnotations;

namespace Dispatch.Channels;

/// <summary>One channel's dispatcher; section `Dispatch:Channels:push`, `:email`, `:sms`. The defaults suit one machine.</summary>
public sealed class DispatcherOptions
{
    public const string Section = "Dispatch:Channels";

    /// <summary>Folder of the journal. Belongs to one process at a time; moves with the machine, because it knows what was sent. Empty: `{Dispatch:Data}/journal/{channel}`.</summary>
    public string JournalFolder { get; init; } = "";

    /// <summary>Bytes of the journal. At the bound nothing more is sent, with an alarm: what a bypass keeps back must have room here.</summary>
    [Range(8L * 1024 * 1024, long.MaxValue)] public long JournalBytesMax { get; init; } = 16L * 1024 * 1024 * 1024;

    /// <summary>Bytes of one journal file; the unit in which room is given back.</summary>
    [Range(64 * 1024, 1024 * 1024 * 1024)] public int SegmentBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>For how long outcomes gather for one sync. Longer: fewer syncs, and more to do again after a power cut.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01")] public TimeSpan SyncDelay { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Messages of one class that wait in memory for a lane.</summary>
    [Range(16, 100_000)] public int WaitingMax { get; init; } = 2_048;

    /// <summary>Their bytes, one class.</summary>
    [Range(1024L * 1024, long.MaxValue)] public long WaitingBytesMax { get; init; } = 32L * 1024 * 1024;

    /// <summary>How often a position is written while it moves. A crash costs reading what was settled since, not sending it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "00:01:00")] public TimeSpan CommitInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>At a stop: how long attempts in flight may take to end; the others are marked as kept and settled at the next start.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")] public TimeSpan StopPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Outcomes could not be written for so long: bypass, by itself.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:00:10")] public TimeSpan BypassAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the outcomes topic is tried again during an automatic bypass.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")] public TimeSpan BypassProbe { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A faulted lane is probed after so long, then after twice as long, up to <see cref="ProbeDelayMax"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:00.01", "01:00:00")] public TimeSpan ProbeDelay { get; init; } = TimeSpan.FromSeconds(5);

    [Range(typeof(TimeSpan), "00:00:00.01", "01:00:00")] public TimeSpan ProbeDelayMax { get; init; } = TimeSpan.FromMinutes(1);
}
