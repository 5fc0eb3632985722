using System.Buffers;
using System.Text.Json;
using Dispatch.Channels.Templates;

namespace Dispatch.Push.Apns;

/// <summary>Message to bytes. Source: "Generating a remote notification" (2026-08).</summary>
static class ApnsPayload
{
    /// <summary>Source: "Sending notification requests to APNs"; VoIP's 5 120 are not ours to send.</summary>
    public const int BytesMax = 4_096;

    private static readonly JsonEncodedText Aps = JsonEncodedText.Encode("aps");
    private static readonly JsonEncodedText Alert = JsonEncodedText.Encode("alert");
    private static readonly JsonEncodedText Title = JsonEncodedText.Encode("title");
    private static readonly JsonEncodedText Body = JsonEncodedText.Encode("body");
    private static readonly JsonEncodedText Badge = JsonEncodedText.Encode("badge");
    private static readonly JsonEncodedText Sound = JsonEncodedText.Encode("sound");
    private static readonly JsonEncodedText ContentAvailable = JsonEncodedText.Encode("content-available");

    /// <returns>Null, or why the message can never be sent.</returns>
    /// <exception cref="TemplateException">A part cannot be rendered.</exception>
    public static string? Write(IBufferWriter<byte> to, PushText text, string messageId)
    {
        var content = text.Content;
        if (!content.Background && !text.HasAlert && !content.HasBadge && content.Sound.Length == 0)
        {
            return "PayloadEmpty";
        }

        var json = PushJson.To(to);
        json.WriteStartObject();
        json.WriteStartObject(Aps);
        if (content.Background)
        {
            json.WriteNumber(ContentAvailable, 1);
        }
        else if (text.HasAlert)
        {
            json.WriteStartObject(Alert);
            WriteIfAny(json, Title, text.Title);
            WriteIfAny(json, Body, text.Body);
            json.WriteEndObject();
        }

        if (content.HasBadge)
        {
            json.WriteNumber(Badge, content.Badge);
        }

        if (!content.Background)
        {
            WriteIfAny(json, Sound, content.Sound);
        }

        json.WriteEndObject();
        foreach (var (key, value) in content.Data)
        {
            if (key is "aps" or PushText.MessageIdKey)
            {
                return "data_key_taken";
            }

            json.WriteString(key, text.Render(value));
        }

        json.WriteString(PushText.MessageIdKey, messageId);
        json.WriteEndObject();
        json.Flush();
        return json.BytesCommitted > BytesMax ? "PayloadTooLarge" : null;
    }

    private static void WriteIfAny(Utf8JsonWriter json, JsonEncodedText name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }
}
