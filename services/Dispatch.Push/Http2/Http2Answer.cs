using Dispatch.Channels;
using Dispatch.Contracts;

namespace Dispatch.Push.Http2;

/// <summary>How an exchange ended: the one question that a journal asks of a wire.</summary>
enum Http2End
{
    /// <summary>The peer answered.</summary>
    Answered,

    /// <summary>The peer's application never had the whole request: no connection, refused, above a GOAWAY's last stream, or cut before the last byte left.</summary>
    NothingLeft,

    /// <summary>The permit was gone before the request was whole; the stream was reset.</summary>
    PermitLost,

    /// <summary>The whole request may be there, and no answer came.</summary>
    Unknown,
}

/// <param name="Reason">Where there is no answer: why.</param>
/// <param name="RetryAfter">The header as it came, or empty.</param>
/// <param name="Via">The connection that it came over.</param>
readonly record struct Http2Answer(Http2End End, string Reason, int Status = 0, string RetryAfter = "", ReadOnlyMemory<byte> Body = default, Http2Connection? Via = null)
{
    public const string GoAway = "goaway";

    /// <summary>What an exchange without an answer means, whoever the provider is.</summary>
    /// <param name="after">How long the endpoint is left alone after a connection that failed.</param>
    public Attempt Unanswered(TimeSpan? after = null) => End switch
    {
        Http2End.NothingLeft => Attempt.Retry(Scope.Provider, Reason, after) with { AgainAtOnce = Reason == GoAway },
        Http2End.PermitLost => Attempt.Retry(Scope.Message, Permit.Lost),
        _ => Attempt.Unknown(Reason),
    };
}
