using System.Buffers.Binary;
using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Channels.Journal;

/// <summary>A message in flight whose partition went to another owner, who does not touch it: the journal has all that is needed to settle it.</summary>
/// <param name="Value">A serialised <see cref="Message"/>, as it was when its attempt began.</param>
readonly record struct KeptEntry(Origin Origin, ReadOnlyMemory<byte> TraceParent, ReadOnlyMemory<byte> Value)
{
    private const int Fixed = 18;

    public int Size => Fixed + TraceParent.Length + Value.Length;

    public void Write(Span<byte> to)
    {
        EntryHead.Write(to, Origin);
        to[17] = (byte)TraceParent.Length;
        TraceParent.Span.CopyTo(to[Fixed..]);
        Value.Span.CopyTo(to[(Fixed + TraceParent.Length)..]);
    }

    /// <param name="from">Is kept: the parts of the answer lie in it.</param>
    public static bool TryRead(ReadOnlyMemory<byte> from, out KeptEntry kept)
    {
        var bytes = from.Span;
        var isWhole = bytes.Length > Fixed && bytes.Length >= Fixed + bytes[17];
        kept = isWhole ? new(EntryHead.Read(bytes), from.Slice(Fixed, bytes[17]), from[(Fixed + bytes[17])..]) : default;
        return isWhole;
    }
}

/// <summary>What a start finds of a message that was kept and is not settled.</summary>
/// <param name="Segment">Where it was noted: that one stays until the message is settled.</param>
/// <param name="State">As the last of its attempts left it.</param>
sealed record Kept(long Segment, TopicPartition Partition, long Offset, Message Message, ReadOnlyMemory<byte> TraceParent, Remembered State);
