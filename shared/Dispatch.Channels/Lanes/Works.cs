using Dispatch.Channels.Flow;
using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Policy;
using Microsoft.Extensions.Logging;

namespace Dispatch.Channels.Lanes;

/// <summary>What the parts of one dispatcher share while it runs.</summary>
sealed record Works(
    Channel Channel, DispatcherOptions Options, JournalFile Journal, Pool Pool, Bookkeeper Books, Modes Modes, Freshness Freshness, ChannelControl Control, TimeProvider Time, ILogger Log)
{
    private static readonly TimeSpan CredentialWait = TimeSpan.FromMinutes(1);

    /// <summary>Is there something that stands against sending it, whichever lane would? Then it is taken care of, and the answer is true.</summary>
    public bool Divert(WorkItem item)
    {
        var (message, now) = (item.Message, Books.Now);
        if (message.ExpiresAt > 0 && now.ToUnixTimeMilliseconds() >= message.ExpiresAt)
        {
            Books.Expire(item);
            return true;
        }

        if (Modes.IsCancelled(message))
        {
            Books.Cancel(item);
            return true;
        }

        if (Modes.IsTenantStopped(message.Class, message.Tenant))
        {
            Books.Hold(item, HoldReasons.Paused);
            return true;
        }

        if (!Freshness.IsFresh(message, now) || Modes.OfClass(message.Class) == Flow.Modes.Order.Drain)
        {
            Bookkeeper.Reroute(item);
            return true;
        }

        return false;
    }

    /// <summary>No lane of it works while others do: it goes aside durably, and comes back.</summary>
    public void StepAside(WorkItem item)
    {
        if (Divert(item))
        {
            return;
        }

        if (Pool.HeldLaneOf(item) is { } lane)
        {
            Books.Hold(item, HoldReasons.Credential(lane), Books.Now + CredentialWait);
        }
        else
        {
            Books.StepAside(item, Topics.RetryDelays[item.Message.Class == TrafficClass.Transactional ? 0 : ^1]);
        }
    }
}
