using System.Buffers;
using System.Text;
using Dispatch.Channels.Templates;
using Dispatch.Contracts;

namespace Dispatch.Sms.HttpSms;

/// <summary>A message as the gateway's form; pure. Or why it cannot be one: a fault of the message, the same one each time.</summary>
/// <param name="Segments">Messages that the text will be carried in.</param>
/// <param name="FromLane">The sender is the lane's, not the message's.</param>
readonly record struct HttpSmsPayload(byte[] Form, int Segments, bool FromLane)
{
    /// <summary>Twilio's limit, error 21617.</summary>
    public const int LengthMax = 1600;

    private static readonly SearchValues<char> Phone = SearchValues.Create("0123456789");

    /// <param name="callback">Where the gateway reports what became of it; empty: nowhere. The message's id is put behind it.</param>
    /// <returns>Null: the payload is made.</returns>
    public static Attempt? Make(Message message, HttpSmsOptions options, string callback, out HttpSmsPayload payload)
    {
        payload = default;
        var content = SmsContent.Parser.ParseFrom(message.Content);
        var to = message.Address.Value;
        if (to is not ['+', .. var digits] || digits.Length is < 7 or > 15 || digits.AsSpan().ContainsAnyExcept(Phone))
        {
            return Attempt.Rejected(Scope.Recipient, "invalid_phone: not E.164");
        }

        var from = content.From.Length > 0 ? content.From : options.From;
        if (from.Length == 0)
        {
            return Attempt.Rejected(Scope.Message, "no_from: neither the message nor the lane names a sender");
        }

        string text;
        try
        {
            text = TemplateRenderer.Render(content.Text, Variables.Of(message), Escape.Text);
        }
        catch (TemplateException e)
        {
            return Attempt.Rejected(Scope.Message, e.Reason);
        }

        if (text.Length is 0 or > LengthMax)
        {
            return Attempt.Rejected(Scope.Message, text.Length == 0 ? "empty_text" : $"too_long: {text.Length} characters, at most {LengthMax}");
        }

        var id = Id.From(message.MessageId.Span).ToText(IdPrefix.Message);
        var form = new StringBuilder(256);
        Add(form, "To", to);
        Add(form, from.StartsWith("MG", StringComparison.Ordinal) && from.Length == 34 ? "MessagingServiceSid" : "From", from);
        Add(form, "Body", text);
        if (callback.Length > 0)
        {
            Add(form, "StatusCallback", $"{callback}?message_id={id}");
        }

        payload = new(Encoding.ASCII.GetBytes(form.ToString()), Sms.Segments.Count(text), content.From.Length == 0);
        return null;
    }

    private static void Add(StringBuilder form, string name, string value) =>
        form.Append(form.Length > 0 ? "&" : "").Append(name).Append('=').Append(Uri.EscapeDataString(value));
}
