namespace Dispatch.Contracts;

/// <summary>The names of the headers that travel beside a record's value.</summary>
public static class RecordHeaders
{
    /// <summary>W3C trace context, as in HTTP.</summary>
    public const string TraceParent = "traceparent";

    /// <summary>8 bytes, big-endian Unix milliseconds: a record of a retry topic is not due before. Its partition waits with it.</summary>
    public const string NotBefore = "not_before";
}
