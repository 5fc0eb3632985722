using Dispatch.Channels.Journal;
using Dispatch.Channels.Lanes;
using Dispatch.Contracts;
using Dispatch.Log;
using Dispatch.Policy;
using Google.Protobuf;

namespace Dispatch.Channels.Flow;

/// <summary>
/// Writes down what became of a message, and sends its record on its way: the journal first, then, once that is durable, the position or the hand-over. No message
/// leaves the dispatcher but through here.
/// </summary>
sealed class Bookkeeper(JournalFile journal, Channel channel, TimeProvider time)
{
    private static readonly string[] Services = ["", "push", "email", "sms"];

    public DateTimeOffset Now => time.GetUtcNow();

    public string Service { get; } = Services[(int)channel];

    /// <summary>What an attempt came to; the record follows by itself where it goes on elsewhere.</summary>
    public Aftermath Conclude(WorkItem item, Attempt attempt, bool wasAtOnce, LaneOptions lane, bool suppress)
    {
        var (message, now) = (item.Message, Now);
        var after = Aftermath.Of(message, attempt, wasAtOnce, now, Random.Shared.NextDouble());
        message.MayHaveLeft = after.MayHaveLeft;
        message.LastReason = Quarantined.Cut(attempt.Reason, Onward.ReasonLengthMax);
        var retryAt = after.Retry is { Kind: not RetryKind.GiveUpExpired } retry ? retry.At.ToUnixTimeMilliseconds() : 0;
        var state = after.Course switch { Course.Sent => State.Sent, Course.Failed => State.Failed, _ => State.Sending };
        var outcome = Outcomes.OfAttempt(message, journal.Owner.Epoch, attempt, lane, state, retryAt, now, suppress);
        switch (after.Course)
        {
            case Course.Sent or Course.Failed:
                Note(item, outcome, Ending.Done, waits: true);
                break;
            case Course.AtOnce or Course.Requeue or Course.Wait:
                Note(item, outcome, Ending.Again, waits: false, retryAt);
                break;
            case Course.Topic:
                item.Onward = Onward.ToRetry(item, after.Retry!.Value.At, after.Retry.Value.TopicDelay!.Value);
                Note(item, outcome, Ending.Again, waits: true, retryAt);
                break;
            case Course.Reroute:
                item.Onward = Onward.ToReroute(item, after.Retry!.Value.At);
                Note(item, outcome, Ending.Again, waits: true, retryAt);
                break;
            case Course.Expired:
                Note(item, outcome, Ending.Again, waits: false, retryAt);
                Expire(item);
                break;
            case Course.InDoubt:
                Note(item, outcome, Ending.Again, waits: false, retryAt);
                Doubt(item, attempt.Reason);
                break;
        }

        return after;
    }

    public void Expire(WorkItem item) =>
        Note(item, Outcomes.Of(item.Message, OutcomeKind.Expired, State.Expired, Now, item.Message.LastReason), Ending.Done, waits: true);

    public void Cancel(WorkItem item) => Note(item, Outcomes.Of(item.Message, OutcomeKind.Cancelled, State.Cancelled, Now, ""), Ending.Done, waits: true);

    /// <summary>Back through the Router; nothing happened to it here, so there is nothing to write down.</summary>
    public static void Reroute(WorkItem item, DateTimeOffset? notBefore = null) => item.Feed.HandOver(item.Origin.Offset, Onward.ToReroute(item, notBefore));

    /// <summary>Out of the way of others, and back soon.</summary>
    public void StepAside(WorkItem item, TimeSpan wait)
    {
        var delay = Topics.RetryDelays.First(delay => wait <= delay || delay == Topics.RetryDelays[^1]);
        item.Feed.HandOver(item.Origin.Offset, Onward.ToRetry(item, Now + wait, delay));
    }

    public void Hold(WorkItem item, string reason, DateTimeOffset? notBefore = null)
    {
        item.Onward = Onward.ToHeld(item, reason, notBefore);
        Note(item, Outcomes.Of(item.Message, OutcomeKind.Held, State.Held, Now, reason), Ending.Hold, waits: true);
    }

    /// <summary>Nobody knows whether it left: a person decides.</summary>
    public void Doubt(WorkItem item, string reason)
    {
        item.Message.MayHaveLeft = true;
        item.Message.LastReason = reason;
        item.Onward = Onward.ToHeld(item, HoldReasons.InDoubt);
        Note(item, Outcomes.Of(item.Message, OutcomeKind.Doubted, State.InDoubt, Now, HoldReasons.InDoubt), Ending.Hold, waits: true);
    }

    public void Quarantine(WorkItem item, string exception)
    {
        item.Onward = Onward.ToQuarantine(item, exception, Now, Service);
        var outcome = Outcomes.Of(item.Message, OutcomeKind.Quarantined, State.Quarantined, Now, exception.Split('\n', 2)[0]);
        outcome.SourceId = Onward.ParkingId(item.Message).ToText(IdPrefix.Parking);
        Note(item, outcome, Ending.Quarantine, waits: true);
    }

    /// <summary>The attempt that an intent announced did not begin.</summary>
    public void Void(WorkItem item)
    {
        item.Message.Attempts--;
        journal.Append(new JournaledOutcome
        {
            Origin = item.Origin, Ending = Ending.Void, Attempts = item.Message.Attempts, MayHaveLeft = item.Message.MayHaveLeft, At = Now.ToUnixTimeMilliseconds(),
        }, null);
    }

    private void Note(WorkItem item, Outcome outcome, Ending ending, bool waits, long notBefore = 0)
    {
        if (waits)
        {
            item.Feed.Conclude(item);
        }

        journal.Append(JournaledOutcome.Of(item.Origin, item.Message, outcome, ending, notBefore, item.TraceParent), waits ? item : null);
    }
}
