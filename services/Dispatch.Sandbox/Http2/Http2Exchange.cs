namespace Dispatch.Sandbox.Http2;

enum Fate
{
    Answer,
    Silence,
    Cut,
}

/// <summary>One stream: a request as it arrives, and what the application makes of it. Belongs to one connection, which uses it again for later streams.</summary>
sealed class Http2Exchange
{
    /// <summary>Kept of a body; the rest is counted only. Far above every provider's own limit.</summary>
    public const int BodyKeptMax = 64 * 1024;

    public int StreamId { get; private set; }

    public HeaderStore Headers { get; } = new();

    public ByteBuffer Body { get; } = new(1024);

    /// <summary>Octets of the body, also those that were not kept.</summary>
    public int BodyBytes { get; private set; }

    /// <summary>The request is whole and the application has decided.</summary>
    public bool Decided { get; set; }

    /// <summary>The decision has been recorded: once a stream, whatever ends it.</summary>
    public bool Settled { get; set; }

    // The decision.

    public Fate Fate { get; set; }

    public int DelayMs { get; set; }

    /// <summary>Header block of the answer, as <see cref="HpackWriter"/> writes it.</summary>
    public ByteBuffer Head { get; } = new(128);

    public ReadOnlyMemory<byte> Answer { get; set; }

    // What the application notes for its receipt.

    public bool IsMessage { get; set; }

    public bool Accepted { get; set; }

    public bool Delivered { get; set; }

    public string Status { get; set; } = "";

    public string Reason { get; set; } = "";

    public string MessageId { get; set; } = "";

    public string Lane { get; set; } = "";

    /// <summary>Valid until the exchange ends: a slice of its headers or body, or an array of its own.</summary>
    public ReadOnlyMemory<byte> Recipient { get; set; }

    // Flow control.

    public long SendWindow { get; set; }

    public int Uncredited { get; set; }

    public int AnswerSent { get; set; }

    public bool HeadSent { get; set; }

    public void Open(int streamId, long sendWindow)
    {
        StreamId = streamId;
        SendWindow = sendWindow;
        (BodyBytes, Uncredited, AnswerSent, DelayMs) = (0, 0, 0, 0);
        (Decided, Settled, HeadSent, IsMessage, Accepted, Delivered) = (false, false, false, false, false, true);
        (Status, Reason, MessageId, Lane) = ("", "", "", "");
        Fate = Fate.Answer;
        Answer = default;
        Recipient = default;
        Headers.Clear();
        Body.Clear();
        Head.Clear();
    }

    public void Receive(ReadOnlySpan<byte> data)
    {
        BodyBytes += data.Length;
        Body.Append(data[..Math.Min(data.Length, BodyKeptMax - Body.Length)]);
    }
}
