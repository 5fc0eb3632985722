using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Json;

namespace Dispatch.Ingest.Messages;

/// <summary>A draft to the words of its answer. Pure: the same draft and ids give the same answer, which is why it need not be kept for a repeat.</summary>
static class AnswerOf
{
    private const string Accepted = "accepted";
    private const string Rejected = "rejected";
    private const int MessagesMax = 100;

    public static RequestAnswer Request(MessageDraft draft, Id request)
    {
        var items = new List<MessageAnswer>(draft.Recipients.Count);
        var many = draft.Recipients.Count > MessagesMax;
        foreach (var recipient in draft.Recipients)
        {
            if (!many)
            {
                foreach (var address in recipient.Recipient.Addresses)
                {
                    items.Add(new MessageAnswer(
                        Id.From(address.MessageId.Span).ToText(IdPrefix.Message), (int)recipient.Recipient.Index, Topics.Name(address.Channel), Accepted, null, null));
                }
            }

            foreach (var (channel, code, detail) in recipient.Rejected)
            {
                items.Add(new MessageAnswer(null, (int)recipient.Recipient.Index, channel is { } it ? Topics.Name(it) : null, Rejected, code, detail));
            }
        }

        return new RequestAnswer(request.ToText(IdPrefix.Request), "log", draft.Reachable, many ? null : items, many && items.Count > 0 ? items : null);
    }

    public static BatchItemAnswer Item(int index, RequestAnswer of, bool replayed) => new(
        index, Accepted, of.RequestId, of.Accepted, of.Messages, of.Rejected, replayed ? true : null, null, null, null, null);

    public static BatchItemAnswer Item(int index, Problem problem) => new(
        index, Rejected, null, null, null, null, null, problem.Code, problem.Detail, problem.Retryable,
        problem.Errors.Count == 0 ? null : [.. problem.Errors.Select(it => new ErrorAnswer(it.Pointer, it.Code, it.Message))]);

    /// <summary>Nobody can be reached: everything that is wrong with the recipients, as faults of the body.</summary>
    public static IEnumerable<Fault> FaultsOfRecipients(MessageDraft draft, string root)
    {
        foreach (var recipient in draft.Recipients)
        {
            foreach (var fault in recipient.Faults)
            {
                yield return fault;
            }

            foreach (var (channel, code, detail) in recipient.Faults.Count > 0 ? [] : recipient.Rejected)
            {
                var field = channel switch { Channel.Email => "/email", Channel.Sms => "/phone", Channel.Push => "/push", _ => "" };
                yield return new Fault(string.Create(CultureInfo.InvariantCulture, $"{root}/recipients/{recipient.Recipient.Index}{field}"), code, detail);
            }
        }
    }
}
