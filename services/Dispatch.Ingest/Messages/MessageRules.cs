using System.Globalization;
using Dispatch.Contracts;
using Dispatch.Ingest.Http;
using Dispatch.Ingest.Json;
using Dispatch.Policy;

namespace Dispatch.Ingest.Messages;

/// <summary>What a request must fulfil beyond its shape. Pure: now is an argument.</summary>
static class MessageRules
{
    private const int PushPayloadBytesMax = 4_096;
    private const int KeyLengthMax = 255;

    /// <summary>APNs and FCM keep these for themselves; source: docs of both, "payload" and "data".</summary>
    private static readonly string[] ReservedData = ["aps", "from", "message_type", "collapse_key", "notification", "dispatch_message_id"];

    public static TimeSpan DefaultTtl(TrafficClass of) => of switch
    {
        TrafficClass.Transactional => TimeSpan.FromHours(1), // a two-hour-old code helps nobody
        TrafficClass.Automation => TimeSpan.FromDays(1),
        _ => TimeSpan.FromDays(3),
    };

    public static TextFault? Template(string text) =>
        TemplateRules.Check(text) is { } fault ? new TextFault("invalid_template", string.Create(CultureInfo.InvariantCulture, $"{fault.Message} (at character {fault.Position + 1})")) : null;

    public static TextFault? DataName(string name) =>
        ReservedData.Contains(name, StringComparer.Ordinal) || name.StartsWith("google.", StringComparison.Ordinal) || name.StartsWith("gcm.", StringComparison.Ordinal)
            ? new TextFault("reserved_name", "is a name that providers keep for themselves") : null;

    /// <summary>An address, or a name and an address in angle brackets. Control characters were refused before.</summary>
    public static TextFault? Mailbox(string text)
    {
        var open = text.LastIndexOf('<');
        var address = open < 0 ? text : text.EndsWith('>') ? text[(open + 1)..^1] : "";
        return AddressRules.Email(address) is not null ? null : new TextFault("invalid_email", "must be an address, or a name and an address: Shop <no-reply@shop.example>");
    }

    public static TextFault? SmsSender(string text) =>
        AddressRules.Phone(text) is not null
        || (text.Length is >= 3 and <= 8 && text.All(char.IsAsciiDigit))
        || (text.Length is >= 1 and <= 11 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '-' or '.' or '&') && text.Any(char.IsAsciiLetter) && text.Trim() == text)
            ? null : new TextFault("invalid_sender", "must be a number in E.164, a short code of 3 to 8 digits, or 1 to 11 letters and digits");

    public static TextFault? Key(string text) =>
        text.Length <= KeyLengthMax && text.All(c => c is >= ' ' and <= '~') ? null : new TextFault("invalid_key", $"has 1 to {KeyLengthMax} printable ASCII characters");

    /// <summary>Adds what is wrong with the request as a whole; the reader stands at its root.</summary>
    public static void Check(MessageDraft draft, DateTimeOffset now, Faults faults)
    {
        if (draft.SendAt > now)
        {
            faults.Add("send_at", "not_supported", "cannot be in the future yet: the scheduler comes with campaigns");
        }

        if (draft.HasFallback)
        {
            faults.Add("fallback", "not_supported", "needs profiles, which do not exist yet");
        }

        if (draft is { HasContent: true, Push: null, Email: null, Sms: null } && !faults.Has("content"))
        {
            faults.Add("content", "required", "must hold at least one of push, email and sms");
        }

        faults.Enter("content");

        if (draft.Push is { } push)
        {
            CheckPush(push, faults);
        }

        if (draft.Email is { Html.Length: 0, Text.Length: 0 } && !faults.Has("email"))
        {
            faults.Add("email", "required", "must hold html, text or both");
        }

        faults.Leave();
        draft.ContentIsKnown = !faults.Has("content");
    }

    /// <returns>What its messages come to.</returns>
    /// <exception cref="RefusedException">413: more than a record holds, or too many copies of too much content.</exception>
    public static long CheckWeight(MessageDraft draft, long expandedBytesMax)
    {
        var weight = new Weight(draft);
        long expanded = 0;
        foreach (var recipient in draft.Recipients)
        {
            if (recipient.Recipient.Addresses.Count == 0)
            {
                continue;
            }

            if (weight.OfRecord(recipient.Recipient) > Weight.RecordBytesMax)
            {
                throw new RefusedException(Problem.TooLarge(string.Create(
                    CultureInfo.InvariantCulture, $"Content, variables, metadata and one recipient have at most {Weight.RecordBytesMax} bytes together.")));
            }

            expanded += weight.OfMessages(recipient.Recipient);
        }

        return expanded <= expandedBytesMax ? expanded : throw new RefusedException(Problem.TooLarge(string.Create(
            CultureInfo.InvariantCulture, $"Content, variables and metadata times addresses are at most {expandedBytesMax} bytes in one request; campaigns are for more.")));
    }

    private static void CheckPush(PushContent push, Faults faults)
    {
        if (push is { Title.Length: 0, Body.Length: 0, Background: false, HasBadge: false } && !faults.Has("push"))
        {
            faults.Add("push", "required", "must hold a title or a body, unless it is a background notification or sets the badge");
        }

        if (push.CalculateSize() > PushPayloadBytesMax)
        {
            faults.Add("push", "too_large", $"has at most {PushPayloadBytesMax} bytes");
        }
    }
}
