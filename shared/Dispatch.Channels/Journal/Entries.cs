using System.Buffers.Binary;
using System.Text;
using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Channels.Journal;

/// <summary>The record that an attempt is about: a topic of the journal's list, its partition, its offset.</summary>
readonly record struct Origin(int Topic, int Partition, long Offset);

/// <summary>Bytes of a message are about to leave; in the file before they do.</summary>
/// <param name="Attempt">Of the message, over all owners, from 1.</param>
readonly record struct Intent(Origin Origin, Id Message, uint Attempt)
{
    public const int Size = 37;

    public void Write(Span<byte> to)
    {
        EntryHead.Write(to, Origin);
        BinaryPrimitives.WriteUInt128BigEndian(to[17..], Message.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(to[33..], Attempt);
    }

    public static bool TryRead(ReadOnlySpan<byte> from, out Intent intent)
    {
        intent = from.Length == Size ? new(EntryHead.Read(from), Id.From(from[17..]), BinaryPrimitives.ReadUInt32LittleEndian(from[33..])) : default;
        return from.Length == Size;
    }
}

/// <summary>What an outcome means for the record that it is about.</summary>
enum Ending : byte
{
    /// <summary>Finished: the record is never handled again.</summary>
    Done = 1,

    /// <summary>The message is tried again, not before <see cref="JournaledOutcome.NotBefore"/>.</summary>
    Again = 2,

    /// <summary>The record goes to quarantine; finished when its commit is through.</summary>
    Quarantine = 3,

    /// <summary>The record goes to `held`; finished when its commit is through.</summary>
    Hold = 4,

    /// <summary>The attempt that was meant did not begin. Nothing to ship.</summary>
    Void = 5,
}

/// <summary>An outcome, with what its shipper and a next start need to know of it without reading it.</summary>
readonly record struct JournaledOutcome
{
    private const int Fixed = 41;

    public required Origin Origin { get; init; }

    public required Ending Ending { get; init; }

    /// <summary>Of the message, so far.</summary>
    public required uint Attempts { get; init; }

    public bool MayHaveLeft { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public required long At { get; init; }

    /// <summary>Unix milliseconds; 0: none.</summary>
    public long NotBefore { get; init; }

    /// <summary>Of `outcomes`: the recipient key, at most 255 bytes.</summary>
    public ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>W3C trace context, at most 255 bytes; empty: none.</summary>
    public ReadOnlyMemory<byte> TraceParent { get; init; }

    /// <summary>A serialised <see cref="Outcome"/>; empty: there is nothing to ship.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    public int Size => Fixed + Key.Length + TraceParent.Length + Value.Length;

    public static JournaledOutcome Of(Origin origin, Message message, Outcome outcome, Ending ending, long notBefore, ReadOnlyMemory<byte> traceParent) => new()
    {
        Origin = origin,
        Ending = ending,
        Attempts = message.Attempts,
        MayHaveLeft = message.MayHaveLeft,
        At = outcome.At,
        NotBefore = notBefore,
        Key = message.RecipientKey.Memory,
        TraceParent = traceParent,
        Value = outcome.ToByteArray(),
    };

    public void Write(Span<byte> to)
    {
        EntryHead.Write(to, Origin);
        to[17] = (byte)Ending;
        to[18] = MayHaveLeft ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32LittleEndian(to[19..], Attempts);
        BinaryPrimitives.WriteInt64LittleEndian(to[23..], At);
        BinaryPrimitives.WriteInt64LittleEndian(to[31..], NotBefore);
        to[39] = (byte)Key.Length;
        to[40] = (byte)TraceParent.Length;
        Key.Span.CopyTo(to[Fixed..]);
        TraceParent.Span.CopyTo(to[(Fixed + Key.Length)..]);
        Value.Span.CopyTo(to[(Fixed + Key.Length + TraceParent.Length)..]);
    }

    /// <param name="from">Is kept: the parts of the answer lie in it.</param>
    public static bool TryRead(ReadOnlyMemory<byte> from, out JournaledOutcome outcome)
    {
        outcome = default;
        var bytes = from.Span;
        if (bytes.Length < Fixed || bytes[17] is < (byte)Ending.Done or > (byte)Ending.Void || bytes.Length < Fixed + bytes[39] + bytes[40])
        {
            return false;
        }

        outcome = new JournaledOutcome
        {
            Origin = EntryHead.Read(bytes),
            Ending = (Ending)bytes[17],
            MayHaveLeft = bytes[18] != 0,
            Attempts = BinaryPrimitives.ReadUInt32LittleEndian(bytes[19..]),
            At = BinaryPrimitives.ReadInt64LittleEndian(bytes[23..]),
            NotBefore = BinaryPrimitives.ReadInt64LittleEndian(bytes[31..]),
            Key = from.Slice(Fixed, bytes[39]),
            TraceParent = from.Slice(Fixed + bytes[39], bytes[40]),
            Value = from[(Fixed + bytes[39] + bytes[40])..],
        };
        return true;
    }
}

/// <summary>What both begin with: 17 bytes of origin (topic 1, partition 8, offset 8).</summary>
static class EntryHead
{
    public static void Write(Span<byte> to, Origin origin)
    {
        to[0] = (byte)origin.Topic;
        BinaryPrimitives.WriteInt64LittleEndian(to[1..], origin.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(to[9..], origin.Offset);
    }

    public static Origin Read(ReadOnlySpan<byte> from) =>
        new(from[0], (int)BinaryPrimitives.ReadInt64LittleEndian(from[1..]), BinaryPrimitives.ReadInt64LittleEndian(from[9..]));
}

/// <summary>The first frame of a segment: the topics that its origins point into.</summary>
static class SegmentHead
{
    private const byte Version = 1;

    public static byte[] Write(IReadOnlyList<string> topics) => [Version, .. Encoding.UTF8.GetBytes(string.Join('\n', topics))];

    /// <returns>Null: written by a version that this one does not know.</returns>
    public static string[]? Read(ReadOnlySpan<byte> from) => from is [Version, .. var topics] ? Encoding.UTF8.GetString(topics).Split('\n') : null;
}
