using System.Buffers.Binary;
using System.Numerics;
using Dispatch.Contracts;

namespace Dispatch.Router.Suppressions;

/// <summary>One change of the set of suppressed addresses.</summary>
readonly record struct SuppressionChange(Channel Channel, UInt128 Key, bool Suppressed);

/// <summary>
/// The copy on disk: 22 bytes a change (suppressed or not, channel, key, checksum), behind 8 that name the format. Written anew as a whole, then appended to.
/// Promise: what <see cref="Replace"/> and <see cref="Append"/> returned from is read again; a torn end is left out, and nothing behind a broken entry is believed.
/// </summary>
sealed class SuppressionFile(string path)
{
    private const int EntryBytes = 22;
    private static readonly byte[] Format = "DSPSUP01"u8.ToArray();

    /// <returns>null: there is no copy.</returns>
    public List<SuppressionChange>? Read()
    {
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = new BufferedStream(File.OpenRead(path), 1 << 20);
        var changes = new List<SuppressionChange>();
        Span<byte> entry = stackalloc byte[EntryBytes];
        if (file.ReadAtLeast(entry[..Format.Length], Format.Length, throwOnEndOfStream: false) < Format.Length || !entry[..Format.Length].SequenceEqual(Format))
        {
            return null;
        }

        while (file.ReadAtLeast(entry, EntryBytes, throwOnEndOfStream: false) == EntryBytes && IsWhole(entry))
        {
            changes.Add(new SuppressionChange((Channel)entry[1], BinaryPrimitives.ReadUInt128BigEndian(entry[2..]), entry[0] == 1));
        }

        return changes;
    }

    public void Replace(IEnumerable<SuppressionChange> changes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var next = path + ".next";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 20))
        {
            file.Write(Format);
            Write(file, changes);
        }

        File.Move(next, path, overwrite: true);
    }

    public void Append(IReadOnlyCollection<SuppressionChange> changes)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read, 1 << 16);
        file.SetLength(file.Length - ((file.Length - Format.Length) % EntryBytes));
        file.Seek(0, SeekOrigin.End);
        Write(file, changes);
    }

    private static void Write(FileStream file, IEnumerable<SuppressionChange> changes)
    {
        Span<byte> entry = stackalloc byte[EntryBytes];
        foreach (var change in changes)
        {
            entry[0] = change.Suppressed ? (byte)1 : (byte)0;
            entry[1] = (byte)change.Channel;
            BinaryPrimitives.WriteUInt128BigEndian(entry[2..], change.Key);
            BinaryPrimitives.WriteUInt32BigEndian(entry[18..], Checksum(entry));
            file.Write(entry);
        }

        file.Flush(flushToDisk: true);
    }

    private static bool IsWhole(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt32BigEndian(entry[18..]) == Checksum(entry);

    private static uint Checksum(ReadOnlySpan<byte> entry)
    {
        var crc = uint.MaxValue;
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(entry));
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]));
        return BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt16LittleEndian(entry[16..]));
    }
}
