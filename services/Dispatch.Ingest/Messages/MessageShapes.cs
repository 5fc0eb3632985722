using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Json;
using Google.Protobuf;

namespace Dispatch.Ingest.Messages;

/// <summary>What a request may look like: names, types, bounds. What depends on more than one field is in <see cref="MessageRules"/>.</summary>
static class MessageShapes
{
    public const int RecipientsMax = 10_000;
    public const int BatchMax = 1_000;
    public const int PushesMax = 20;
    public const int VariablesBytesMax = 64 * 1_024;
    public const int MetadataBytesMax = 16 * 1_024;
    public const int VariablesDepthMax = 8;
    public const int LabelsMax = 10;
    public const int TtlSecondsMax = 28 * 86_400;
    public const int EmailTextMax = 3 * 1_024 * 1_024;

    private static readonly string Together =
        string.Create(CultureInfo.InvariantCulture, $"Content, variables, metadata and one recipient have at most {Weight.RecordBytesMax} bytes together.");

    public static readonly IReadOnlyList<(string Word, TrafficClass Value)> Classes = [.. Topics.Classes.Select(it => (Topics.Name(it), it))];

    public static readonly IReadOnlyList<(string Word, Channel Value)> Channels = [.. Topics.Channels.Select(it => (Topics.Name(it), it))];

    public static readonly Shape<Address> PushAddress = new("PushAddress", "An app on a device.",
        new ChoiceField<Address, string>("provider", "Whose token it is.", [("apns", "apns"), ("fcm", "fcm")], (it, value) => it.Provider = value) { Required = true },
        new TextField<Address>("app", "The app's name in the lanes' configuration.", (it, value) => it.App = value) { Required = true, LengthMax = 128, Rule = Texts.IsWord },
        new TextField<Address>("token", "As the device's system gave it.", (it, value) => it.Value = value) { Required = true, LengthMax = 4_096 },
        new ChoiceField<Address, string>("environment", "Of the token; production, if not given.", [("production", "production"), ("sandbox", "sandbox")],
            (it, value) => it.Environment = value));

    private static readonly Shape<RecipientDraft> Recipient = new("Recipient", "A user, explicit addresses, or both. All addresses count as one recipient.",
        new TextField<RecipientDraft>("user_id", "Who it is, in the caller's words.", (it, value) => it.Recipient.UserId = value),
        new TextField<RecipientDraft>("email", "One address, without a display name.", (it, value) => it.Add(Channel.Email, value)) { LengthMax = 320, Format = "email" },
        new TextField<RecipientDraft>("phone", "E.164: +33612345678.", (it, value) => it.Add(Channel.Sms, value)) { LengthMax = 32 },
        new ListField<RecipientDraft, Address>("push", "One or more push tokens.", PushAddress, PushesMax, it => it.Add(Channel.Push, "")) { OneWillDo = true },
        new AnyObjectField<RecipientDraft>("variables", "Win over the request's, name by name.", VariablesBytesMax, VariablesDepthMax,
            (it, value) => it.Recipient.Variables = UnsafeByteOperations.UnsafeWrap(value)));

    private static readonly Shape<PushContent> Push = new("PushContent", "A notification. Its payload has at most 4 096 bytes.",
        new TextField<PushContent>("title", "May hold {{variables}}.", (it, value) => it.Title = value) { LengthMax = 1_024, Lines = true, Rule = MessageRules.Template },
        new TextField<PushContent>("body", "May hold {{variables}}.", (it, value) => it.Body = value) { LengthMax = 4_096, Lines = true, Rule = MessageRules.Template },
        new TextMapField<PushContent>("data", "For the app; all values are strings.", 100, (it, name, value) => it.Data[name] = value) { NameRule = MessageRules.DataName },
        new TextField<PushContent>("collapse_key", "A newer notification with the same key replaces an older one.", (it, value) => it.CollapseKey = value)
        {
            LengthMax = 64, Rule = Texts.IsWord,
        },
        new WholeField<PushContent>("badge", "The number on the app's icon; 0 clears it.", 0, 99_999, (it, value) => it.Badge = (int)value),
        new TextField<PushContent>("sound", "A file of the app, or default.", (it, value) => it.Sound = value) { LengthMax = 128 },
        new FlagField<PushContent>("background", "Wakes the app without showing anything.", (it, value) => it.Background = value));

    private static readonly Shape<EmailContent> Email = new("EmailContent", $"At least one of html and text. {Together}",
        new TextField<EmailContent>("from", "An address, or a name and an address: Shop <no-reply@shop.example>.", (it, value) => it.From = value)
        {
            Required = true, LengthMax = 512, Rule = MessageRules.Mailbox,
        },
        new TextField<EmailContent>("subject", "One line; may hold {{variables}}.", (it, value) => it.Subject = value)
        {
            Required = true, LengthMax = 998, Rule = MessageRules.Template,
        },
        new TextField<EmailContent>("html", "May hold {{variables}}, which are escaped.", (it, value) => it.Html = value)
        {
            LengthMax = EmailTextMax, Lines = true, Rule = MessageRules.Template,
        },
        new TextField<EmailContent>("text", "May hold {{variables}}.", (it, value) => it.Text = value) { LengthMax = EmailTextMax, Lines = true, Rule = MessageRules.Template },
        new TextField<EmailContent>("reply_to", "An address, or a name and an address.", (it, value) => it.ReplyTo = value) { LengthMax = 512, Rule = MessageRules.Mailbox });

    private static readonly Shape<SmsContent> Sms = new("SmsContent", "A text message, cut into as many parts as it needs.",
        new TextField<SmsContent>("from", "A number in E.164, a short code, or up to 11 letters and digits.", (it, value) => it.From = value)
        {
            Required = true, LengthMax = 16, Rule = MessageRules.SmsSender,
        },
        new TextField<SmsContent>("text", "May hold {{variables}}.", (it, value) => it.Text = value) { Required = true, LengthMax = 1_600, Lines = true, Rule = MessageRules.Template });

    private static readonly Shape<MessageDraft> Content = new("Content", "What is sent, for each channel that is used.",
        new ObjectField<MessageDraft, PushContent>("push", "", Push, it => it.Push = new PushContent()),
        new ObjectField<MessageDraft, EmailContent>("email", "", Email, it => it.Email = new EmailContent()),
        new ObjectField<MessageDraft, SmsContent>("sms", "", Sms, it => it.Sms = new SmsContent()));

    private static readonly Field<MessageDraft>[] Fields =
    [
        new ChoiceField<MessageDraft, TrafficClass>("class", "How urgent it is; also the order of recovery.", Classes, (it, value) => it.Request.Class = value) { Required = true },
        new ListField<MessageDraft, RecipientDraft>("recipients", "Who gets it.", Recipient, RecipientsMax, it =>
        {
            var recipient = new RecipientDraft();
            recipient.Recipient.Index = (uint)it.Recipients.Count;
            it.Recipients.Add(recipient);
            return recipient;
        }) { Required = true },
        new ObjectField<MessageDraft, MessageDraft>("content", "", Content, it =>
        {
            it.HasContent = true;
            return it;
        }) { Required = true },
        new AnyObjectField<MessageDraft>("variables", "For the content's {{variables}}.", VariablesBytesMax, VariablesDepthMax,
            (it, value) => it.Request.Variables = UnsafeByteOperations.UnsafeWrap(value)),
        new TextsField<MessageDraft>("labels", "For statistics and caps.", LabelsMax, (it, value) => it.Request.Labels.Add(value)) { Rule = Texts.IsWord },
        new TextField<MessageDraft>("campaign", "For statistics.", (it, value) => it.Request.Campaign = value) { LengthMax = 64, Rule = Texts.IsWord },
        new WholeField<MessageDraft>("ttl_seconds", "What is not sent by then expires. Default: transactional 3600, automation 86400, campaign 259200.", 1, TtlSecondsMax,
            (it, value) => it.TtlSeconds = value),
        new TimeField<MessageDraft>("send_at", "In the future: needs the scheduler, which comes with campaigns.", (it, value) => it.SendAt = value),
        new ChoiceField<MessageDraft, InDoubt>("in_doubt", "What happens when nobody knows whether a provider took it.",
            [("resend", InDoubt.Resend), ("lookup", InDoubt.Lookup), ("hold", InDoubt.Hold)], (it, value) => it.Request.InDoubt = value),
        new AnyObjectField<MessageDraft>("metadata", "The caller's own; given back, never read.", MetadataBytesMax, VariablesDepthMax,
            (it, value) => it.Request.Metadata = UnsafeByteOperations.UnsafeWrap(value)),
        new TextsField<MessageDraft>("fallback", "Needs profiles, which do not exist yet.", 3, (it, _) => it.HasFallback = true),
    ];

    public static readonly Shape<MessageDraft> Message = new("MessageRequest", $"Content for one or more channels, for 1 to 10 000 recipients. {Together}", Fields);

    private static readonly Shape<MessageDraft> BatchItem = new("BatchItem", "A request, with a key of its own if it likes.",
    [
        .. Fields,
        new TextField<MessageDraft>("idempotency_key", "As the header, for this item alone.", (it, value) => it.IdempotencyKey = value) { Rule = MessageRules.Key },
    ]);

    public static readonly Shape<List<MessageDraft>> Batch = new("BatchRequest", "Up to 1 000 requests; each is answered for itself.",
        new ListField<List<MessageDraft>, MessageDraft>("messages", "", BatchItem, BatchMax, it =>
        {
            var draft = new MessageDraft();
            it.Add(draft);
            return draft;
        }) { Required = true });
}
