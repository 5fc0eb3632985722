namespace Dispatch.Sandbox.Http2;

/// <summary>What stands behind an HTTP/2 listener: APNs or FCM. Both methods are called under the connection's lock, so they neither wait nor call back.</summary>
interface IHttp2Application
{
    /// <summary>A new connection may have one stream at a time until <see cref="Http2Connection.Promote"/>.</summary>
    bool OneStreamAtStart { get; }

    /// <summary>The request is whole: fill in its fate, answer, delay and what the receipt needs.</summary>
    void Decide(Http2Exchange exchange, Http2Connection connection);

    /// <summary>Right before the answer enters the connection's output, or when it is known that none will leave: write the receipt.</summary>
    void Settle(Http2Exchange exchange, bool answered);
}
