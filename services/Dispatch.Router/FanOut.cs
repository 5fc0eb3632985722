using Dispatch.Contracts;
using Google.Protobuf;

namespace Dispatch.Router;

/// <summary>One message for each address of each recipient. Content stays undecoded: its bytes are shared by all messages until they are written.</summary>
static class FanOut
{
    public static void Expand(Incoming incoming, List<Passage> into)
    {
        if (incoming.Message is { } message)
        {
            into.Add(new Passage(message, incoming.Entry.Headers));
            return;
        }

        var request = incoming.Request!;
        foreach (var recipient in request.Recipients)
        {
            foreach (var address in recipient.Addresses)
            {
                var passage = new Passage(Of(request, recipient, address), incoming.Entry.Headers);
                if (passage.Message.Content.IsEmpty)
                {
                    passage.End(Fate.Failed, "no_content");
                }

                into.Add(passage);
            }
        }
    }

    private static Message Of(Request request, Recipient recipient, Address address) => new()
    {
        MessageId = address.MessageId,
        RequestId = request.RequestId,
        Tenant = request.Tenant,
        Class = request.Class,
        Channel = address.Channel,
        Day = request.Day,
        RecipientKey = recipient.RecipientKey,
        UserId = recipient.UserId,
        Address = address,
        Content = ContentOf(request.Content, address.Channel),
        Variables = request.Variables,
        RecipientVariables = recipient.Variables,
        AcceptedAt = request.AcceptedAt,
        ExpiresAt = request.ExpiresAt,
        Labels = { request.Labels },
        InDoubt = request.InDoubt,
        Metadata = request.Metadata,
        Campaign = request.Campaign,
    };

    private static ByteString ContentOf(Content? content, Channel channel) => channel switch
    {
        _ when content is null => ByteString.Empty,
        Channel.Push => content.Push,
        Channel.Email => content.Email,
        Channel.Sms => content.Sms,
        _ => ByteString.Empty,
    };
}
