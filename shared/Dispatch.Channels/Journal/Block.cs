namespace Dispatch.Channels.Journal;

/// <summary>What was noted since the last sync began: kept until it is confirmed, because a failed sync means writing it again elsewhere.</summary>
sealed class Block
{
    public byte[] Bytes { get; private set; } = new byte[64 * 1024];

    public int Length { get; private set; }

    /// <summary>How much of it the operating system has.</summary>
    public int Flushed { get; set; }

    /// <summary>Where in its segment it begins.</summary>
    public long Base { get; set; }

    public List<IDurable> Waiters { get; } = [];

    /// <summary>Room for one more frame.</summary>
    /// <returns>Where its payload goes.</returns>
    public Span<byte> Frame(int payload, out Span<byte> frame)
    {
        var size = Frames.SizeOf(payload);
        if (Length + size > Bytes.Length)
        {
            var larger = new byte[Math.Max(Bytes.Length * 2, Length + size)];
            Bytes.AsSpan(0, Length).CopyTo(larger);
            Bytes = larger;
        }

        frame = Bytes.AsSpan(Length, size);
        Length += size;
        return frame[Frames.HeadBytes..];
    }

    public void Reset(long @base) => (Length, Flushed, Base) = (0, 0, @base);

    /// <summary>Takes over what another block holds, sealed anew for this one's segment; marks of the other's syncs mean nothing here.</summary>
    public void Take(Block other, long from, long to, Action<Origin>? mention)
    {
        var reader = new FrameReader(other.Bytes.AsSpan(0, other.Length), from);
        while (reader.Read())
        {
            if (reader.Kind is FrameKind.Intent or FrameKind.Outcome or FrameKind.Kept)
            {
                reader.Payload.CopyTo(Frame(reader.Payload.Length, out var frame));
                Frames.Seal(frame, to, reader.Kind);
                mention?.Invoke(EntryHead.Read(reader.Payload));
            }
        }

        Waiters.AddRange(other.Waiters);
        other.Waiters.Clear();
    }
}
