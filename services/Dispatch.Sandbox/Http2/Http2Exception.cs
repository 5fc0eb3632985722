namespace Dispatch.Sandbox.Http2;

/// <summary>RFC 9113, section 7.</summary>
enum Http2Error : uint
{
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    EnhanceYourCalm = 11,
}

/// <summary>The client broke the protocol: the connection ends with this code in a GOAWAY.</summary>
sealed class Http2Exception(Http2Error code, string message) : Exception(message)
{
    public Http2Error Code { get; } = code;
}
