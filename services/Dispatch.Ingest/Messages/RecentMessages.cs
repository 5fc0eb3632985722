using System.Collections.Concurrent;
using Dispatch.Contracts;

namespace Dispatch.Ingest.Messages;

/// <summary>What was accepted, before the store knows it.</summary>
sealed record RecentMessage(Id Message, Id Request, string Tenant, TrafficClass Class, Channel Channel, DateTimeOffset AcceptedAt, DateTimeOffset ExpiresAt);

/// <summary>
/// What this process accepted last, so that it is found at once; elsewhere it is not known until Feedback has caught up. Bounded: the oldest is forgotten first.
/// A request of more than 100 recipients is remembered by its id alone.
/// </summary>
sealed class RecentMessages(int capacity)
{
    private readonly ConcurrentDictionary<Id, RecentMessage[]> _byRequest = new();
    private readonly ConcurrentDictionary<Id, RecentMessage> _byMessage = new();
    private readonly RecentMessage[]?[] _ring = new RecentMessage[]?[capacity];
    private uint _next;

    public void Add(MessageDraft draft, Id request)
    {
        var remembered = draft.Recipients.Count > RequestRecords.ChunkRecipientsMax ? draft.Recipients.Take(1) : draft.Recipients;
        var accepted = remembered.SelectMany(it => it.Recipient.Addresses).Select(it => Of(it, draft, request)).ToArray();
        if (accepted.Length == 0)
        {
            return;
        }

        _byRequest[request] = accepted;
        foreach (var message in accepted)
        {
            _byMessage[message.Message] = message;
        }

        if (Interlocked.Exchange(ref _ring[Interlocked.Increment(ref _next) % (uint)_ring.Length], accepted) is { } oldest)
        {
            Forget(oldest);
        }
    }

    public RecentMessage? Message(Id id) => _byMessage.GetValueOrDefault(id);

    public IReadOnlyList<RecentMessage>? Request(Id id) => _byRequest.GetValueOrDefault(id);

    private void Forget(RecentMessage[] oldest)
    {
        _byRequest.TryRemove(new KeyValuePair<Id, RecentMessage[]>(oldest[0].Request, oldest));
        foreach (var message in oldest)
        {
            _byMessage.TryRemove(new KeyValuePair<Id, RecentMessage>(message.Message, message));
        }
    }

    private static RecentMessage Of(Address address, MessageDraft draft, Id request) => new(
        Id.From(address.MessageId.Span), request, draft.Request.Tenant, draft.Request.Class, address.Channel,
        DateTimeOffset.FromUnixTimeMilliseconds(draft.Request.AcceptedAt), DateTimeOffset.FromUnixTimeMilliseconds(draft.Request.ExpiresAt));
}
