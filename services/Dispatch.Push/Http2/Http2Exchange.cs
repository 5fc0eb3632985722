using System.Threading.Tasks.Sources;
using Dispatch.Channels;

namespace Dispatch.Push.Http2;

/// <summary>One request and its answer. All but the awaiting belongs to the session's lock.</summary>
sealed class Http2Exchange(Http2Request request, Permit permit, long deadline) : IValueTaskSource<Http2Answer>
{
    /// <summary>Answers of push providers are some hundred bytes; what is longer is cut and the stream reset.</summary>
    public const int BodyBytesMax = 16_384;

    // Continuations run elsewhere: the connection's read loop never waits for a journal.
    private ManualResetValueTaskSourceCore<Http2Answer> source = new() { RunContinuationsAsynchronously = true };
    private byte[] body = [];
    private int bodyLength;

    public Http2Head Head;

    public Http2Request Request => request;

    public Permit Permit => permit;

    /// <summary>In the milliseconds of the connection's clock.</summary>
    public long Deadline => deadline;

    public int StreamId { get; set; }

    /// <summary>Bytes of the body that have been handed to the wire.</summary>
    public int Sent { get; set; }

    /// <summary>The last byte has been handed to the wire: from now on silence means Unknown.</summary>
    public bool Whole { get; set; }

    public long SendWindow { get; set; }

    public bool Ended { get; private set; }

    public ValueTask<Http2Answer> Task => new(this, source.Version);

    /// <returns>False when the answer is longer than anything that makes sense.</returns>
    public bool Receive(ReadOnlySpan<byte> data)
    {
        var take = Math.Min(data.Length, BodyBytesMax - bodyLength);
        if (body.Length < bodyLength + take)
        {
            Array.Resize(ref body, Math.Max(256, bodyLength + take));
        }

        data[..take].CopyTo(body.AsSpan(bodyLength));
        bodyLength += take;
        return take == data.Length;
    }

    public void Answer(Http2Connection? via) =>
        End(new Http2Answer(Http2End.Answered, "", Head.Status, Head.RetryAfter ?? "", body.AsMemory(0, bodyLength), via));

    /// <summary>No answer will come: unknown if the request is whole, else nothing has left that the peer could act on.</summary>
    public void Fail(string reason) => End(new Http2Answer(Whole ? Http2End.Unknown : Http2End.NothingLeft, reason));

    public void End(Http2Answer answer)
    {
        if (!Ended)
        {
            Ended = true;
            source.SetResult(answer);
        }
    }

    public Http2Answer GetResult(short token) => source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);
}
