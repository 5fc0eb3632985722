using System.Runtime.InteropServices;
using Dispatch.Contracts;

namespace Dispatch.Store;

/// <summary>One step of a reader: its position _moves from where it was read (null: it never was) to <paramref name="Next"/>.</summary>
public sealed record PositionMove(string ClusterId, string Topic, int Partition, long? From, long Next);

/// <summary>A dispatcher's shipper had caught up with all that it had kept back since <paramref name="OpenedAt"/>, in one partition of `outcomes`.</summary>
public sealed record BlindMark(string Dispatcher, DateTimeOffset OpenedAt, int Partition, int Partitions, DateTimeOffset PassedAt);

/// <summary>
/// What was read since the last transaction, folded to one entry a message before the store hears of it. Takes over what is added: a record belongs to one batch.
/// A batch can be applied again after a fault; it is not changed by it.
/// </summary>
public sealed class LedgerBatch
{
    private readonly Dictionary<Id, MessageNews> _messages = [];
    private readonly Dictionary<(string Tenant, string EventId), Event> _events = [];
    private readonly List<BlindMark> _marks = [];
    private readonly List<PositionMove> _moves = [];

    internal Dictionary<Id, MessageNews> Messages => _messages;

    internal IReadOnlyCollection<Event> Events => _events.Values;

    internal IReadOnlyList<BlindMark> Marks => _marks;

    internal IReadOnlyList<PositionMove> Moves => _moves;

    /// <summary>Facts and expectations, before repeats are known.</summary>
    public int Count { get; private set; }

    public void Move(PositionMove move) => _moves.Add(move);

    public void Mark(BlindMark mark) => _marks.Add(mark);

    /// <summary>What a request promised: a message for each address.</summary>
    public void Expect(Request request)
    {
        string[] labels = [.. request.Labels];
        foreach (var recipient in request.Recipients)
        {
            foreach (var address in recipient.Addresses)
            {
                var news = NewsOf(address.MessageId);
                news.Promise = Promise.Of(request, recipient, address.Channel, labels);
                news.Expected = true;
                Count++;
            }
        }
    }

    /// <param name="outcome">Its `state` is set wherever it leaves one.</param>
    public void Learn(Outcome outcome)
    {
        var news = NewsOf(outcome.MessageId);
        if (!news.Expected && news.Promise is not { IsKnown: true })
        {
            news.Promise = Promise.Of(outcome);
        }

        news.Add(Facts.Strip(outcome));
        Count++;
    }

    public void Learn(Event happened)
    {
        _events.TryAdd((happened.Tenant, happened.EventId), happened);
        Count++;
    }

    internal MessageNews NewsOf(Google.Protobuf.ByteString messageId)
    {
        if (messageId.Length != Id.Size)
        {
            throw new FormatException($"a message id has {Id.Size} bytes, not {messageId.Length}");
        }

        ref var news = ref CollectionsMarshal.GetValueRefOrAddDefault(_messages, Id.From(messageId.Span), out _);
        return news ??= new MessageNews();
    }
}

/// <summary>What one batch says about one message.</summary>
sealed class MessageNews
{
    private readonly List<Outcome> _facts = [];

    /// <summary>Set by the first record that knows; a request knows best.</summary>
    public Promise? Promise { get; set; }

    public bool Expected { get; set; }

    public IReadOnlyList<Outcome> Facts => _facts;

    /// <summary>Both together; neither is changed.</summary>
    public MessageNews With(MessageNews more)
    {
        var both = new MessageNews { Promise = Promise, Expected = Expected };
        foreach (var fact in _facts.Concat(more._facts))
        {
            both.Add(fact);
        }

        return both;
    }

    public void Add(Outcome fact)
    {
        var key = FactKey.Of(fact);
        foreach (var known in _facts) // a handful
        {
            if (FactKey.Of(known) == key)
            {
                return;
            }
        }

        _facts.Add(fact);
    }
}
