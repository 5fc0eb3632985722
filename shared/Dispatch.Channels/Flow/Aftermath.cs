using Dispatch.Contracts;
using Dispatch.Policy;

namespace Dispatch.Channels.Flow;

/// <summary>Where a message goes after an attempt.</summary>
enum Course
{
    Sent,
    Failed,

    /// <summary>Once more, now, on the same lane.</summary>
    AtOnce,

    /// <summary>Back to the pool as if nothing had been: what failed is not the message's affair.</summary>
    Requeue,

    /// <summary>Back to the pool at <see cref="RetryDecision.At"/>.</summary>
    Wait,

    Topic,
    Reroute,
    Expired,

    /// <summary>Nobody knows whether it left, and its policy is to wait for a person.</summary>
    InDoubt,
}

/// <summary>What follows from a provider's answer. Pure: the table of section "Attempts, lanes and retries" of docs/architecture.md.</summary>
/// <param name="MayHaveLeft">Of the message from now on; once set it stays.</param>
readonly record struct Aftermath(Course Course, bool MayHaveLeft, RetryDecision? Retry = null)
{
    /// <param name="message">Its attempts count this one.</param>
    /// <param name="wasAtOnce">This attempt was the immediate second try.</param>
    public static Aftermath Of(Message message, Attempt attempt, bool wasAtOnce, DateTimeOffset now, double random)
    {
        if (attempt.Verdict == Verdict.Accepted)
        {
            return new(Course.Sent, MayHaveLeft: true);
        }

        var left = message.MayHaveLeft || !attempt.NothingLeft;
        return attempt switch
        {
            // A no to anything wider than the message or its recipient is no answer about this message.
            { Verdict: Verdict.Rejected, Scope: Scope.Recipient or Scope.Message } => new(Course.Failed, left),
            { Verdict: Verdict.Unknown } when message.InDoubt is InDoubt.Hold or InDoubt.Lookup => new(Course.InDoubt, left),
            { AgainAtOnce: true } when !wasAtOnce => new(Course.AtOnce, left),
            { Scope: Scope.Credential } => new(Course.Requeue, left),
            _ => After(message, attempt, left, now, random),
        };
    }

    private static Aftermath After(Message message, Attempt attempt, bool left, DateTimeOffset now, double random)
    {
        var expires = message.ExpiresAt > 0 ? DateTimeOffset.FromUnixTimeMilliseconds(message.ExpiresAt) : DateTimeOffset.MaxValue;
        var retry = Retries.Next(message.Attempts, attempt.RetryAfter, message.Class, now, expires, random);
        return new(retry.Kind switch
        {
            RetryKind.Local => Course.Wait,
            RetryKind.Topic => Course.Topic,
            RetryKind.Reroute => Course.Reroute,
            _ => Course.Expired,
        }, left, retry);
    }
}
