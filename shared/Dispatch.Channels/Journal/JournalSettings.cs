using Dispatch.Log.Files;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Channels.Journal;

/// <param name="Prefix">Of the dispatcher's name, made at the first start.</param>
/// <param name="Topics">What its origins may point into, at most 256.</param>
/// <param name="Shipped">As far as the shipper knows.</param>
sealed record JournalSettings(
    string Folder, string Prefix, IReadOnlyList<string> Topics, int SegmentBytesMax, long BytesMax, TimeSpan SyncDelay, JournalPosition Shipped)
{
    /// <summary>Reserved for each segment: beyond its bound there is room for the outcomes of everything in flight.</summary>
    public long Reserve => SegmentBytesMax + (SegmentBytesMax / 4);

    /// <summary>How the operating system is asked; a suite puts a disk that fails in its place.</summary>
    public Action<SafeFileHandle> Sync { get; init; } = file => Disk.Sync(file);
}
