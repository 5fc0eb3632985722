using System.ComponentModel.DataAnnotations;

namespace Dispatch.Log.Files;

/// <summary>The log in files, for one machine. Section <c>Dispatch:Log</c>; checked at start.</summary>
public sealed record FileLogOptions
{
    /// <summary>Where it stands; default <c>{Dispatch:Data}/log</c>. One process at a time: the folder's lock is the lease on every partition.</summary>
    [Required] public string Folder { get; init; } = "";

    /// <summary>Partitions of a topic that is made now, 1 to 256. A topic keeps the number that it was made with: keys would change their place.</summary>
    [Range(1, 256)] public int Partitions { get; init; } = 4;

    /// <summary>Bytes of one file, 64 KiB to 1 GiB. Start-up reads at most about two of them; retention frees one at a time.</summary>
    [Range(64 * 1024, 1024 * 1024 * 1024)] public long SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes kept free for outcomes and positions when the disk is full, 16 KiB to 1 GiB.</summary>
    [Range(16 * 1024, 1024 * 1024 * 1024)] public long ReserveBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How long records stay that every group has read, for repeat look-ups and for people who look back. On a full disk they go at once.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long records of the topic <c>quarantine</c> stay, which no group reads: a person decides about them.</summary>
    public TimeSpan QuarantineRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>A group that holds back records beyond their retention and has not moved for so long is reported.</summary>
    public TimeSpan StalledAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Groups that nobody runs any more; they hold nothing back from now on.</summary>
    public IReadOnlyList<string> RetiredGroups { get; init; } = [];

    /// <summary>Added to every sync of a commit, to measure on a fast disk what a slow one would do.</summary>
    public TimeSpan SyncDelay { get; init; }

    /// <summary>Bytes that may wait for a disk that does not answer before appends are refused, 1 MiB to 4 GiB.</summary>
    [Range(1024 * 1024, 4L * 1024 * 1024 * 1024)] public long PendingBytesMax { get; init; } = 256 * 1024 * 1024;
}
