using Dispatch.Contracts;
using Dispatch.Ingest.Json;
using Google.Protobuf;

namespace Dispatch.Ingest.Events;

/// <summary>One posted event while it is checked.</summary>
sealed class EventDraft : IItem
{
    public Event Event { get; } = new();

    public DateTimeOffset? At { get; set; }

    public IReadOnlyList<Fault> Faults { get; set; } = [];
}

static class EventShapes
{
    public const int EventsMax = 1_000;
    private const int AttributesBytesMax = 16 * 1_024;
    private const int AttributesDepthMax = 8;

    private static readonly Shape<EventDraft> Event = new("Event", "Something that happened in an app. Repeated with its event_id it counts once.",
        new TextField<EventDraft>("event_id", "Unique for the tenant; made by the SDK.", (it, value) => it.Event.EventId = value) { Required = true, LengthMax = 128 },
        new TextField<EventDraft>("user_id", "Who it happened to.", (it, value) => it.Event.UserId = value) { Required = true },
        new TextField<EventDraft>("name", "What happened; opened, clicked, displayed, complained and unsubscribed are about a message.", (it, value) => it.Event.Name = value)
        {
            Required = true, LengthMax = 128, Rule = Texts.IsWord,
        },
        new TimeField<EventDraft>("at", "When; not in the future, and at most 30 days ago.", (it, value) => it.At = value) { Required = true },
        new AnyObjectField<EventDraft>("attributes", "The app's own.", AttributesBytesMax, AttributesDepthMax,
            (it, value) => it.Event.Attributes = UnsafeByteOperations.UnsafeWrap(value)),
        new TextField<EventDraft>("message_id", "The message that it is about: msg_...; at most 30 days old.", (it, value) =>
        {
            if (Id.TryParse(value, IdPrefix.Message, out var id))
            {
                it.Event.MessageId = UnsafeByteOperations.UnsafeWrap(id.ToBytes());
            }
        })
        {
            LengthMax = 64, Rule = text => Id.TryParse(text, IdPrefix.Message, out _) ? null : new TextFault("invalid_id", "must be an id such as msg_..."),
        });

    public static readonly Shape<List<EventDraft>> Events = new("EventsRequest", "Up to 1 000 events; each is answered for itself.",
        new ListField<List<EventDraft>, EventDraft>("events", "", Event, EventsMax, it =>
        {
            var draft = new EventDraft();
            it.Add(draft);
            return draft;
        }) { Required = true });
}
