using System.Diagnostics;
using Dispatch.Channels.Journal;
using Dispatch.Contracts;
using Dispatch.Log;

namespace Dispatch.Channels.Flow;

/// <summary>One message while this dispatcher works on it: from its record to where the record is finished.</summary>
sealed class WorkItem(Feed feed, long offset, Message message, ReadOnlyMemory<byte> traceParent, int bytes) : IDurable
{
    public Feed Feed { get; } = feed;

    public Message Message { get; } = message;

    public ReadOnlyMemory<byte> TraceParent { get; set; } = traceParent;

    public Origin Origin { get; } = new(feed.Topic, feed.Partition.Id.Partition, offset);

    /// <summary>Of the record, for the pool's bound.</summary>
    public int Bytes { get; } = bytes;

    public Id MessageId { get; } = Id.From(message.MessageId.Span);

    /// <summary>A provider failed it before; what only waited for a credential is none.</summary>
    public bool IsRetry { get; set; } = message.Attempts > 0;

    public Route? Route { get; set; }

    /// <summary>How often its sender threw.</summary>
    public int Throws { get; set; }

    public Activity? Span { get; set; }

    /// <summary>Where the record goes when the outcome that was noted last is durable; null: it is finished then.</summary>
    public Record? Onward { get; set; }

    /// <summary>Must an attempt that has no end never be repeated by itself? A provider that could be asked (look-up) is treated so too: none of ours can.</summary>
    public bool HoldsInDoubt => Message.InDoubt is InDoubt.Hold or InDoubt.Lookup;

    /// <summary>Its end is noted; not durable yet.</summary>
    public bool IsConcluded { get; set; }

    /// <summary>The partition went to another owner during the attempt: whoever this is settles it. Null: it did not.</summary>
    public KeptDesk? Desk { get; set; }

    public void OnDurable()
    {
        if (Desk is { } desk)
        {
            desk.Settle(this);
        }
        else if (Onward is { } record)
        {
            Feed.HandOver(Origin.Offset, record);
        }
        else
        {
            Feed.Settle(Origin.Offset);
        }
    }
}
