using System.Buffers.Binary;
using Dispatch.Log.Files;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Channels.Journal;

/// <summary>
/// How far the shipper is, in a file of its own beside the journal. Not synced: what is forgotten is shipped again, and Feedback counts it once. A file that
/// cannot be read means: from the oldest segment on.
/// </summary>
sealed class ShipperState : IDisposable
{
    private const int Size = 29;
    private readonly SafeFileHandle _file;

    public ShipperState(string folder)
    {
        Directory.CreateDirectory(folder);
        _file = File.OpenHandle(Path.Combine(folder, "shipped"), FileMode.OpenOrCreate, FileAccess.ReadWrite);
        Span<byte> bytes = stackalloc byte[Size];
        if (RandomAccess.Read(_file, bytes, 0) == Size && BinaryPrimitives.ReadUInt32LittleEndian(bytes[25..]) == Crc.Of(bytes[..25]))
        {
            Position = new JournalPosition(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]));
            BehindSince = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
            IsPaused = bytes[24] != 0;
        }
    }

    public JournalPosition Position { get; private set; }

    /// <summary>The time of the first outcome that stayed behind in a pause that is not made up for yet, Unix milliseconds; 0: none.</summary>
    public long BehindSince { get; private set; }

    public bool IsPaused { get; private set; }

    public void Save(JournalPosition position) => Save(position, BehindSince, IsPaused);

    public void Save(long behindSince, bool isPaused) => Save(Position, behindSince, isPaused);

    public void Dispose() => _file.Dispose();

    private void Save(JournalPosition position, long behindSince, bool isPaused)
    {
        (Position, BehindSince, IsPaused) = (position, behindSince, isPaused);
        Span<byte> bytes = stackalloc byte[Size];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, position.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], position.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], behindSince);
        bytes[24] = isPaused ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[25..], Crc.Of(bytes[..25]));
        RandomAccess.Write(_file, bytes, 0);
    }
}
