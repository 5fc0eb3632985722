using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using Dispatch.Log;
using Dispatch.Log.Files;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Channels.Journal;

/// <summary>A place in the journal: behind it stands what comes next.</summary>
readonly record struct JournalPosition(long Segment, long Offset) : IComparable<JournalPosition>
{
    public int CompareTo(JournalPosition other) => (Segment, Offset).CompareTo((other.Segment, other.Offset));

    public static bool operator <(JournalPosition left, JournalPosition right) => left.CompareTo(right) < 0;

    public static bool operator >(JournalPosition left, JournalPosition right) => left.CompareTo(right) > 0;

    public static bool operator <=(JournalPosition left, JournalPosition right) => left.CompareTo(right) <= 0;

    public static bool operator >=(JournalPosition left, JournalPosition right) => left.CompareTo(right) >= 0;
}

/// <summary>One file of the journal: `0000000017.journal`. Only ever appended to, by the start that made it; deleted as a whole.</summary>
sealed class SegmentFile : IDisposable
{
    private const string Ending = ".journal";
    private readonly Dictionary<TopicPartition, long> _highest = [];

    private SegmentFile(long number, string path, SafeFileHandle file, long length) => (Number, Path, File, Length, DurableEnd) = (number, path, file, length, length);

    public long Number { get; }

    public string Path { get; }

    public SafeFileHandle File { get; }

    /// <summary>Written so far.</summary>
    public long Length { get; set; }

    /// <summary>What readers may see: it survives a power cut.</summary>
    public long DurableEnd { get; set; }

    /// <summary>
    /// Nothing more of it will become durable, so readers may go on to the next one. Not the same as that there is a next one: the last sync of this one may still be
    /// under way while that one is written already.
    /// </summary>
    public bool IsComplete { get; private set; }

    /// <exception cref="IOException">No room, or a disk that refuses.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "owned by the segment")]
    public static SegmentFile Create(string folder, long number, IReadOnlyList<string> topics, long reserve)
    {
        var path = System.IO.Path.Combine(folder, number.ToString("D10", CultureInfo.InvariantCulture) + Ending);
        var file = System.IO.File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            Reserve.Take(file, reserve);
            var head = SegmentHead.Write(topics);
            var frame = new byte[Frames.SizeOf(head.Length)];
            head.CopyTo(frame, Frames.HeadBytes);
            Frames.Seal(frame, number, FrameKind.Head);
            RandomAccess.Write(file, frame, 0);
            Disk.Sync(file);
            Disk.SyncFolder(folder);
            return new SegmentFile(number, path, file, frame.Length);
        }
        catch (IOException)
        {
            file.Dispose();
            System.IO.File.Delete(path);
            throw;
        }
    }

    /// <summary>What earlier starts left, oldest first.</summary>
    public static IReadOnlyList<SegmentFile> In(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*" + Ending).Order(StringComparer.Ordinal).Select(path =>
        {
            var file = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            return new SegmentFile(
                long.Parse(System.IO.Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture), path, file, RandomAccess.GetLength(file)) { IsComplete = true };
        }),
    ];

    /// <summary>A record that this segment knows something about.</summary>
    public void Mentions(TopicPartition partition, long offset)
    {
        ref var highest = ref CollectionsMarshal.GetValueRefOrAddDefault(_highest, partition, out var known);
        highest = known ? Math.Max(highest, offset) : offset;
    }

    /// <summary>Is every record that it knows something about finished, as the log knows it?</summary>
    public bool IsPassed(Func<TopicPartition, long> committed) => _highest.All(it => committed(it.Key) > it.Value);

    /// <summary>Nothing more will be written, and what was is durable. Gives back the reserve.</summary>
    public void Close()
    {
        IsComplete = true;
        RandomAccess.SetLength(File, Length);
    }

    /// <summary>Nothing more will be written, and what was not confirmed stands elsewhere.</summary>
    public void Condemn()
    {
        IsComplete = true;
        Cut(DurableEnd);
    }

    public void Cut(long length) => (Length, DurableEnd) = (length, length);

    public void Dispose() => File.Dispose();
}
