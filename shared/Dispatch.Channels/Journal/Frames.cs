using System.Buffers.Binary;
using System.Numerics;
using Dispatch.Log;
using Dispatch.Log.Files;

namespace Dispatch.Channels.Journal;

enum FrameKind : byte
{
    /// <summary>First of a segment: what the others refer to.</summary>
    Head = 1,

    /// <summary>Bytes of a message are about to leave.</summary>
    Intent = 2,

    /// <summary>What became of it.</summary>
    Outcome = 3,

    /// <summary>8 bytes: up to here this segment was synced. What is bad before it is damage; what is bad behind the last of them may be a torn tail.</summary>
    Synced = 4,

    /// <summary>The attempt is not over and its partition goes to another owner: what becomes of the message is this journal's affair from here on.</summary>
    Kept = 5,
}

/// <summary>
/// The form of a segment: frames, one behind the other. A frame is length of its body (4 bytes, little-endian), CRC32C (4), body: kind (1) and payload.
/// The sum covers the segment's number and the length too: a frame is valid at its own place only.
/// </summary>
static class Frames
{
    public const int HeadBytes = 9;
    public const int BodyBytesMax = Record.StoredBytesMax + (64 * 1024); // a kept message, whole

    public static int SizeOf(int payload) => HeadBytes + payload;

    /// <summary>Puts a head before a payload that stands at <see cref="HeadBytes"/> already.</summary>
    public static void Seal(Span<byte> frame, long segment, FrameKind kind)
    {
        frame[8] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - 8);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Sum(frame[8..], segment));
    }

    /// <returns>The bytes of the whole, valid frame that begins here; 0: there is none.</returns>
    public static int Check(ReadOnlySpan<byte> bytes, long segment)
    {
        if (bytes.Length < HeadBytes)
        {
            return 0;
        }

        var body = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        return body is >= 1 and <= BodyBytesMax && body <= bytes.Length - 8 && bytes[8] is >= (byte)FrameKind.Head and <= (byte)FrameKind.Kept
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == Sum(bytes.Slice(8, body), segment)
            ? 8 + body
            : 0;
    }

    private static uint Sum(ReadOnlySpan<byte> body, long segment) => Crc.Of(body, BitOperations.Crc32C((uint)segment, (uint)body.Length));
}

/// <summary>Walks over frames; what is no valid frame is stepped over, and counted.</summary>
ref struct FrameReader(ReadOnlySpan<byte> bytes, long segment)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Behind the last valid frame.</summary>
    public int End { get; private set; }

    /// <summary>Where the frame that was read last begins.</summary>
    public int Start { get; private set; }

    /// <summary>Bytes between the frame before and this one that are no frame.</summary>
    public readonly int Skipped => Start - _before;

    public FrameKind Kind { get; private set; }

    public ReadOnlySpan<byte> Payload { get; private set; }

    private int _before;

    public bool Read()
    {
        _before = End;
        for (var at = End; at + Frames.HeadBytes <= _bytes.Length; at++)
        {
            if (Frames.Check(_bytes[at..], segment) is var size and > 0)
            {
                (Start, End, Kind) = (at, at + size, (FrameKind)_bytes[at + 8]);
                Payload = _bytes[(at + Frames.HeadBytes)..End];
                return true;
            }
        }

        return false;
    }
}
