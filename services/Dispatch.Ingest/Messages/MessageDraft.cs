using Dispatch.Contracts;
using Dispatch.Ingest.Json;

namespace Dispatch.Ingest.Messages;

/// <summary>A posted request while it is checked: the record to be, and what does not belong into it.</summary>
sealed class MessageDraft : IItem
{
    public Request Request { get; } = new();

    public List<RecipientDraft> Recipients { get; } = [];

    public PushContent? Push { get; set; }

    public EmailContent? Email { get; set; }

    public SmsContent? Sms { get; set; }

    public long? TtlSeconds { get; set; }

    public DateTimeOffset? SendAt { get; set; }

    public bool HasFallback { get; set; }

    /// <summary>An item of a batch may have one of its own.</summary>
    public string? IdempotencyKey { get; set; }

    public bool HasContent { get; set; }

    /// <summary>Nothing is wrong with the content, so it can be said who gets none.</summary>
    public bool ContentIsKnown { get; set; }

    public IReadOnlyList<Fault> Faults { get; set; } = [];

    /// <summary>Messages that come of it.</summary>
    public int Reachable => Recipients.Sum(it => it.Recipient.Addresses.Count);

    public bool Has(Channel channel) => channel switch
    {
        Channel.Push => Push is not null,
        Channel.Email => Email is not null,
        Channel.Sms => Sms is not null,
        _ => false,
    };
}

/// <summary>One of the caller's recipients. What is wrong with it refuses it, and not its neighbours.</summary>
sealed class RecipientDraft : IItem
{
    public Recipient Recipient { get; } = new();

    public IReadOnlyList<Fault> Faults { get; set; } = [];

    public List<RejectedAddress> Rejected { get; } = [];

    public Address Add(Channel channel, string value)
    {
        var address = new Address { Channel = channel, Value = value };
        Recipient.Addresses.Add(address);
        return address;
    }
}

/// <summary>An address that gets nothing; null: the recipient as a whole.</summary>
readonly record struct RejectedAddress(Channel? Channel, string Code, string Detail);
