using System.Collections.Concurrent;
using Dispatch.Contracts;

namespace Dispatch.Ingest.Messages;

/// <summary>What was accepted, before the store knows it.</summary>
sealed record RecentMessage(Id Message, Id Request, string Tenant, TrafficClass Class, Channel Channel, DateTimeOffset AcceptedAt, DateTimeOffset ExpiresAt);

/// <summary>A request that was accepted.</summary>
/// <param name="accepted">How many messages.</param>
/// <param name="messages">They, unless they are many.</param>
sealed class RecentRequest(Id id, string tenant, int accepted, DateTimeOffset expiresAt, RecentMessage[] messages)
{
    public Id Id => id;

    public string Tenant => tenant;

    public int Accepted => accepted;

    public DateTimeOffset ExpiresAt => expiresAt;

    public IReadOnlyList<RecentMessage> Messages => messages;

    public int Weight => Math.Max(1, messages.Length);
}

/// <summary>
/// What this process accepted last, so that it is found at once; elsewhere it is not known until Feedback has caught up. Bounded in messages: the oldest request is
/// forgotten first. Of a request with more than 100 recipients its number of messages is remembered alone.
/// </summary>
sealed class RecentMessages(int capacity)
{
    private readonly ConcurrentDictionary<Id, RecentRequest> _byRequest = new();
    private readonly ConcurrentDictionary<Id, RecentMessage> _byMessage = new();
    private readonly ConcurrentQueue<RecentRequest> _oldestFirst = new();
    private long _held;

    public void Add(MessageDraft draft, Id request)
    {
        var messages = draft.Recipients.Count > RequestRecords.ChunkRecipientsMax
            ? [] : draft.Recipients.SelectMany(it => it.Recipient.Addresses).Select(it => Of(it, draft, request)).ToArray();
        var recent = new RecentRequest(request, draft.Request.Tenant, draft.Reachable, DateTimeOffset.FromUnixTimeMilliseconds(draft.Request.ExpiresAt), messages);
        _byRequest[request] = recent;
        foreach (var message in messages)
        {
            _byMessage[message.Message] = message;
        }

        _oldestFirst.Enqueue(recent);
        Interlocked.Add(ref _held, recent.Weight);
        while (Volatile.Read(ref _held) > capacity && _oldestFirst.TryDequeue(out var oldest))
        {
            Interlocked.Add(ref _held, -oldest.Weight);
            Forget(oldest);
        }
    }

    public RecentMessage? Message(Id id) => _byMessage.GetValueOrDefault(id);

    public RecentRequest? Request(Id id) => _byRequest.GetValueOrDefault(id);

    private void Forget(RecentRequest oldest)
    {
        _byRequest.TryRemove(new KeyValuePair<Id, RecentRequest>(oldest.Id, oldest));
        foreach (var message in oldest.Messages)
        {
            _byMessage.TryRemove(new KeyValuePair<Id, RecentMessage>(message.Message, message));
        }
    }

    private static RecentMessage Of(Address address, MessageDraft draft, Id request) => new(
        Id.From(address.MessageId.Span), request, draft.Request.Tenant, draft.Request.Class, address.Channel,
        DateTimeOffset.FromUnixTimeMilliseconds(draft.Request.AcceptedAt), DateTimeOffset.FromUnixTimeMilliseconds(draft.Request.ExpiresAt));
}
