namespace Dispatch.Sandbox.Oracle;

/// <summary>One message that arrived whole, as the stand-in saw it. It judges the sender, so nothing in it comes from the sender's own books.</summary>
readonly ref struct Receipt
{
    /// <summary>Who authenticated, or the relay that was asked.</summary>
    public required string Lane { get; init; }

    /// <summary>"msg_...", or what the sender put in its place; empty: nothing.</summary>
    public required string MessageId { get; init; }

    public required ReadOnlySpan<byte> Recipient { get; init; }

    /// <summary>The stand-in took the message, as its provider would on its way to a person; it may have done so without an answer.</summary>
    public required bool Accepted { get; init; }

    /// <summary>False: the connection was cut, the sender gave up, or no answer was ever meant to come.</summary>
    public required bool Answered { get; init; }

    /// <summary>False: accepted and then lost on purpose.</summary>
    public bool Delivered { get; init; } = true;

    /// <summary>The answer's code: "200", "451".</summary>
    public required string Status { get; init; }

    /// <summary>The provider's own word; empty on success.</summary>
    public required string Reason { get; init; }

    /// <summary>Size of the message's content.</summary>
    public required int Bytes { get; init; }

    public Receipt()
    {
    }
}
