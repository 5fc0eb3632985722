using Dispatch.Contracts;

namespace Dispatch.Ingest.Messages;

/// <summary>What was accepted, before the store knows it.</summary>
readonly record struct RecentMessage(Id Message, Id Request, string Tenant, TrafficClass Class, Channel Channel, DateTimeOffset AcceptedAt, DateTimeOffset ExpiresAt);

/// <summary>A request that was accepted.</summary>
/// <param name="Accepted">How many messages.</param>
/// <param name="Messages">They, unless they are many.</param>
sealed record RecentRequest(string Tenant, int Accepted, DateTimeOffset ExpiresAt, IReadOnlyList<RecentMessage> Messages);

/// <summary>
/// What this process accepted last, so that it is found at once; elsewhere it is not known until Feedback has caught up. Bounded in messages: the oldest is
/// forgotten first. Of a request with more than 100 recipients its number of messages is remembered alone. One ring without an object for each: what lives for seconds
/// is what a garbage collector is worst at.
/// </summary>
sealed class RecentMessages(int capacity)
{
    private readonly Lock _gate = new();
    private readonly List<Slot> _ring = [];
    private readonly Dictionary<Id, int> _byRequest = []; // to the first of its slots, which follow one another
    private readonly Dictionary<Id, int> _byMessage = [];
    private int _next;

    public void Add(MessageDraft draft, Id request)
    {
        var (of, accepted) = (draft.Request, draft.Reachable);
        var about = new RecentMessage(
            default, request, of.Tenant, of.Class, default, DateTimeOffset.FromUnixTimeMilliseconds(of.AcceptedAt), DateTimeOffset.FromUnixTimeMilliseconds(of.ExpiresAt));
        lock (_gate)
        {
            var first = _next;
            if (draft.Recipients.Count > RequestRecords.ChunkRecipientsMax || accepted == 0 || accepted > capacity)
            {
                Put(new Slot(about, accepted));
            }
            else
            {
                foreach (var recipient in draft.Recipients)
                {
                    foreach (var address in recipient.Recipient.Addresses)
                    {
                        var id = Id.From(address.MessageId.Span);
                        _byMessage[id] = Put(new Slot(about with { Message = id, Channel = address.Channel }, accepted));
                    }
                }
            }

            _byRequest[request] = first;
        }
    }

    public RecentMessage? Message(Id id)
    {
        lock (_gate)
        {
            return _byMessage.TryGetValue(id, out var slot) ? _ring[slot].Message : null;
        }
    }

    public RecentRequest? Request(Id id)
    {
        lock (_gate)
        {
            if (!_byRequest.TryGetValue(id, out var first))
            {
                return null;
            }

            var (message, accepted) = _ring[first];
            var messages = message.Message == default ? [] : Enumerable.Range(first, accepted).Select(slot => _ring[slot % capacity].Message).ToArray();
            return new RecentRequest(message.Tenant, accepted, message.ExpiresAt, messages);
        }
    }

    private int Put(Slot slot)
    {
        var at = _next;
        _next = (_next + 1) % capacity;
        if (at == _ring.Count)
        {
            _ring.Add(slot);
            return at;
        }

        Forget(_byRequest, _ring[at].Message.Request, at);
        Forget(_byMessage, _ring[at].Message.Message, at);
        _ring[at] = slot;
        return at;
    }

    /// <summary>Unless it was accepted again, and stands elsewhere now.</summary>
    private static void Forget(Dictionary<Id, int> slots, Id id, int at)
    {
        if (slots.Remove(id, out var known) && known != at)
        {
            slots.Add(id, known);
        }
    }

    /// <param name="Message">Its own id is missing where there are too many to remember.</param>
    /// <param name="Accepted">Messages of its request.</param>
    private readonly record struct Slot(RecentMessage Message, int Accepted);
}
