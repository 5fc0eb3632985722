using Dispatch.Contracts;
using Dispatch.Ingest.Idempotency;
using Dispatch.Ingest.Messages;
using Google.Protobuf;

namespace Dispatch.Ingest.Tests;

/// <summary>What this process remembers of the last calls: rings that forget the oldest and nothing else.</summary>
public class MemoryTests
{
    private static readonly DateTimeOffset Now = new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_key_is_known_until_as_many_others_came()
    {
        var memory = new KeyMemory(capacity: 3);
        var held = Enumerable.Range(0, 4).Select(i => new HeldKey(Guid.NewGuid(), Guid.NewGuid(), Now.AddSeconds(i))).ToArray();
        Array.ForEach(held, it => memory.TryHold(it).ShouldBeNull());
        memory.TryHold(new HeldKey(held[1].Key, held[1].Body, Now)).ShouldBeSameAs(held[1]);
        memory.TryHold(new HeldKey(held[0].Key, held[0].Body, Now)).ShouldBeNull("it was the oldest of four");
    }

    [Fact]
    public void A_settled_key_keeps_its_body_and_its_time()
    {
        var memory = new KeyMemory(capacity: 3);
        var held = new HeldKey(Guid.NewGuid(), Guid.NewGuid(), Now);
        memory.TryHold(held);
        (held.FirstAt, var first) = (Now.AddHours(-1), Now.AddHours(-1)); // as the store said
        held.Settle(null);
        memory.Settle(held);

        var known = memory.TryHold(new HeldKey(held.Key, Guid.NewGuid(), Now)).ShouldNotBeNull();
        (known.Body, known.FirstAt, known.IsSettled, known.Answer).ShouldBe((held.Body, first, true, null));
        memory.Forget(held); // a call that ended cannot take it away any more
        memory.TryHold(new HeldKey(held.Key, held.Body, Now)).ShouldNotBeNull();
    }

    [Fact]
    public void A_key_that_was_forgotten_and_came_again_is_forgotten_in_its_new_turn()
    {
        var memory = new KeyMemory(capacity: 2);
        var (key, body) = (Guid.NewGuid(), Guid.NewGuid());
        var first = new HeldKey(key, body, Now);
        memory.TryHold(first);
        memory.Forget(first);
        var second = new HeldKey(key, body, Now);
        memory.TryHold(second).ShouldBeNull();
        memory.TryHold(new HeldKey(Guid.NewGuid(), body, Now)); // takes the place that the first had
        memory.TryHold(new HeldKey(key, body, Now)).ShouldBeSameAs(second);
    }

    [Fact]
    public void Requests_and_messages_are_found_until_the_ring_comes_round()
    {
        var recent = new RecentMessages(capacity: 5);
        var (one, two, three) = (Draft(2), Draft(2), Draft(2));
        recent.Add(one.Draft, one.Id);
        recent.Add(two.Draft, two.Id);
        recent.Request(one.Id).ShouldNotBeNull().Messages.Select(it => it.Message).ShouldBe(one.Messages);
        recent.Add(three.Draft, three.Id); // lies over the edge: its second message takes the place of the oldest

        recent.Request(one.Id).ShouldBeNull();
        recent.Message(one.Messages[0]).ShouldBeNull();
        recent.Message(one.Messages[1]).ShouldNotBeNull().Request.ShouldBe(one.Id);
        recent.Request(two.Id).ShouldNotBeNull().Messages.Select(it => it.Message).ShouldBe(two.Messages);
        recent.Request(three.Id).ShouldNotBeNull().Messages.Select(it => it.Message).ShouldBe(three.Messages);
    }

    [Fact]
    public void A_request_that_is_accepted_again_stands_where_it_was_accepted_last()
    {
        var recent = new RecentMessages(capacity: 4);
        var one = Draft(2);
        for (var i = 0; i < 5; i++) // round and round, over its own places too
        {
            recent.Add(one.Draft, one.Id);
            recent.Request(one.Id).ShouldNotBeNull().Messages.Select(it => it.Message).ShouldBe(one.Messages);
        }
    }

    [Fact]
    public void Of_a_request_to_many_the_number_is_known()
    {
        var recent = new RecentMessages(capacity: 1_000);
        var many = Draft(101);
        recent.Add(many.Draft, many.Id);
        var request = recent.Request(many.Id).ShouldNotBeNull();
        (request.Accepted, request.Messages.Count).ShouldBe((101, 0));
        recent.Message(many.Messages[0]).ShouldBeNull();
    }

    private static (MessageDraft Draft, Id Id, Id[] Messages) Draft(int recipients)
    {
        var (draft, messages) = (new MessageDraft(), new Id[recipients]);
        (draft.Request.Tenant, draft.Request.Class) = ("acme", TrafficClass.Campaign);
        for (var i = 0; i < recipients; i++)
        {
            var recipient = new RecipientDraft();
            recipient.Add(Channel.Email, $"user{i}@example.org").MessageId = ByteString.CopyFrom((messages[i] = Id.New(Now)).ToBytes());
            draft.Recipients.Add(recipient);
        }

        return (draft, Id.New(Now), messages);
    }
}
