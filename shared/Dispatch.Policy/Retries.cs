using Dispatch.Contracts;

namespace Dispatch.Policy;

/// <summary>Where a message waits for its next attempt.</summary>
public enum RetryKind
{
    /// <summary>In the dispatcher's memory.</summary>
    Local,

    /// <summary>In the retry topic of <see cref="RetryDecision.TopicDelay"/>, then back to the dispatcher.</summary>
    Topic,

    /// <summary>In `reroute`, with <c>not_before</c>: by then the message is stale, and everything about it is decided anew.</summary>
    Reroute,

    /// <summary>No attempt could begin before the message expires.</summary>
    GiveUpExpired,
}

/// <param name="At">Nothing is sent before.</param>
public readonly record struct RetryDecision(RetryKind Kind, DateTimeOffset At, TimeSpan? TopicDelay = null);

/// <summary>When a message whose attempt failed is tried again: exponentially later, spread by chance so that a crowd does not come back as one, until it expires.</summary>
public static class Retries
{
    public static readonly TimeSpan LocalMax = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    /// <param name="attempts">Made so far, at least 1.</param>
    /// <param name="retryAfter">As the provider asked: a floor, never shortened by chance.</param>
    /// <param name="random">0 to 1, from the caller, so that the decision can be repeated.</param>
    public static RetryDecision Next(uint attempts, TimeSpan? retryAfter, TrafficClass of, DateTimeOffset now, DateTimeOffset expiresAt, double random)
    {
        var wait = Backoff(attempts, of) * (0.5 + (Math.Clamp(random, 0, 1) / 2));
        if (retryAfter is { } floor && floor > TimeSpan.Zero)
        {
            // The crowd that was asked to wait comes back spread over another tenth of what it waited.
            wait = Max(wait, floor + (Min(floor, LongestWait) * 0.1 * Math.Clamp(random, 0, 1)));
        }

        // A Retry-After of centuries must not overflow the calendar.
        if (expiresAt - now <= wait)
        {
            return new RetryDecision(RetryKind.GiveUpExpired, expiresAt);
        }

        var at = now + wait;
        if (wait <= LocalMax)
        {
            return new RetryDecision(RetryKind.Local, at);
        }

        foreach (var delay in Topics.RetryDelays)
        {
            if (wait <= delay)
            {
                return new RetryDecision(RetryKind.Topic, at, delay);
            }
        }

        return new RetryDecision(RetryKind.Reroute, at);
    }

    /// <summary>1, 2, 4 ... seconds for the urgent, which is useless soon; others begin at 2, 5 s: they can wait for a provider that struggles.</summary>
    private static TimeSpan Backoff(uint attempts, TrafficClass of)
    {
        var first = TimeSpan.FromSeconds(of switch { TrafficClass.Transactional => 1, TrafficClass.Automation => 2, _ => 5 });
        var doublings = Math.Min(attempts is 0 ? 0 : attempts - 1, 20);
        return Min(first * Math.Pow(2, doublings), LongestWait);
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
