using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Dispatch.Channels.Templates;
using Dispatch.Contracts;

namespace Dispatch.Push.Fcm;

/// <summary>Message to bytes. Source: FCM HTTP v1, "projects.messages" (2026-08).</summary>
static class FcmPayload
{
    /// <summary>Notification and data together, keys and values as UTF-8. Source: "About FCM messages", "Message types".</summary>
    public const int BytesMax = 4_096;

    private static readonly TimeSpan TtlMax = TimeSpan.FromSeconds(2_419_200);

    private static readonly JsonEncodedText Envelope = JsonEncodedText.Encode("message");
    private static readonly JsonEncodedText Token = JsonEncodedText.Encode("token");
    private static readonly JsonEncodedText Notification = JsonEncodedText.Encode("notification");
    private static readonly JsonEncodedText Title = JsonEncodedText.Encode("title");
    private static readonly JsonEncodedText Body = JsonEncodedText.Encode("body");
    private static readonly JsonEncodedText Data = JsonEncodedText.Encode("data");
    private static readonly JsonEncodedText Android = JsonEncodedText.Encode("android");
    private static readonly JsonEncodedText Priority = JsonEncodedText.Encode("priority");
    private static readonly JsonEncodedText Ttl = JsonEncodedText.Encode("ttl");
    private static readonly JsonEncodedText CollapseKey = JsonEncodedText.Encode("collapse_key");
    private static readonly JsonEncodedText Tag = JsonEncodedText.Encode("tag");
    private static readonly JsonEncodedText Sound = JsonEncodedText.Encode("sound");
    private static readonly JsonEncodedText Count = JsonEncodedText.Encode("notification_count");

    /// <returns>Null, or why the message can never be sent.</returns>
    /// <exception cref="TemplateException">A part cannot be rendered.</exception>
    public static string? Write(IBufferWriter<byte> to, Message message, PushText text, string messageId, DateTimeOffset now)
    {
        var content = text.Content;
        var alert = !content.Background && text.HasAlert;
        var json = PushJson.To(to);
        json.WriteStartObject();
        json.WriteStartObject(Envelope);
        json.WriteString(Token, message.Address.Value);
        var bytes = 0;
        if (alert)
        {
            json.WriteStartObject(Notification);
            bytes += WriteIfAny(json, Title, text.Title) + WriteIfAny(json, Body, text.Body);
            json.WriteEndObject();
        }

        json.WriteStartObject(Data);
        foreach (var (key, value) in content.Data)
        {
            if (IsTaken(key))
            {
                return "data_key_taken";
            }

            var rendered = text.Render(value);
            json.WriteString(key, rendered);
            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(rendered);
        }

        json.WriteString(PushText.MessageIdKey, messageId);
        bytes += PushText.MessageIdKey.Length + messageId.Length;
        json.WriteEndObject();
        WriteAndroid(json, message, content, alert, messageId, now);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return bytes > BytesMax ? "PayloadTooLarge" : null;
    }

    /// <summary>
    /// A collapse key only if the caller chose one: FCM keeps four of them a device. The tag is always there, so a message that has to be sent twice is shown once.
    /// </summary>
    private static void WriteAndroid(Utf8JsonWriter json, Message message, PushContent content, bool alert, string messageId, DateTimeOffset now)
    {
        json.WriteStartObject(Android);
        json.WriteString(Priority, content.Background ? "NORMAL" : "HIGH");
        if (message.ExpiresAt > 0)
        {
            var rest = Math.Clamp((message.ExpiresAt - now.ToUnixTimeMilliseconds()) / 1_000, 0, (long)TtlMax.TotalSeconds);
            json.WriteString(Ttl, string.Create(CultureInfo.InvariantCulture, $"{rest}s"));
        }

        WriteIfAny(json, CollapseKey, content.CollapseKey);
        if (alert)
        {
            json.WriteStartObject(Notification);
            json.WriteString(Tag, content.CollapseKey.Length > 0 ? content.CollapseKey : messageId);
            WriteIfAny(json, Sound, content.Sound);
            if (content.HasBadge)
            {
                json.WriteNumber(Count, content.Badge);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>Keys that FCM refuses, or that are ours.</summary>
    private static bool IsTaken(string key) =>
        key is "from" or "message_type" or PushText.MessageIdKey || key.StartsWith("google", StringComparison.Ordinal) || key.StartsWith("gcm", StringComparison.Ordinal);

    private static int WriteIfAny(Utf8JsonWriter json, JsonEncodedText name, string value)
    {
        if (value.Length == 0)
        {
            return 0;
        }

        json.WriteString(name, value);
        return name.EncodedUtf8Bytes.Length + Encoding.UTF8.GetByteCount(value);
    }
}
