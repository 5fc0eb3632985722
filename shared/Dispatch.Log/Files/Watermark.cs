using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Dispatch.Log.Files;

/// <summary>
/// The highest sequence that is known to be on the disk, in a file of its own, written after each sync and synced only now and then: it may lag behind (then damage
/// at the very end looks like a torn tail, and is reported as one), it never runs ahead. Two slots in turn, so that a cut in the middle of a write leaves the other.
/// </summary>
sealed class Watermark : IDisposable
{
    private const int SlotSize = 16;
    private readonly SafeFileHandle _file;
    private int _slot;
    private long _written;
    private long _synced;

    public Watermark(string folder)
    {
        _file = File.OpenHandle(Path.Combine(folder, "watermark"), FileMode.OpenOrCreate, FileAccess.ReadWrite);
        _written = _synced = Read();
    }

    public long Value => Volatile.Read(ref _written);

    public void Write(long sequence)
    {
        Span<byte> slot = stackalloc byte[SlotSize];
        BinaryPrimitives.WriteInt64LittleEndian(slot, sequence);
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], ~sequence);
        RandomAccess.Write(_file, slot, (_slot ^= 1) * SlotSize);
        Volatile.Write(ref _written, sequence);
    }

    public void Sync()
    {
        if (Value is var written && written != _synced)
        {
            Disk.Sync(_file);
            _synced = written;
        }
    }

    public void Dispose() => _file.Dispose();

    private long Read()
    {
        Span<byte> slots = stackalloc byte[2 * SlotSize];
        slots.Clear();
        Disk.Read(_file, slots, 0);
        var highest = 0L;
        for (var i = 0; i < 2; i++)
        {
            var value = BinaryPrimitives.ReadInt64LittleEndian(slots[(i * SlotSize)..]);
            if (value == ~BinaryPrimitives.ReadInt64LittleEndian(slots[((i * SlotSize) + 8)..]) && value > highest)
            {
                (highest, _slot) = (value, i);
            }
        }

        return highest;
    }
}
