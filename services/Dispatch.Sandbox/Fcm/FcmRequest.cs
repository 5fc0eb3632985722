using System.Text;
using System.Text.Json;

namespace Dispatch.Sandbox.Fcm;

/// <summary>What FCM reads from a body of messages:send. Source: Firebase, "REST Resource: projects.messages".</summary>
/// <param name="MessageId">data["dispatch_message_id"]; empty: none.</param>
/// <param name="Fault">Null: the request is well formed.</param>
readonly record struct FcmRequest(byte[] Token, string MessageId, bool ValidateOnly, FcmFault? Fault)
{
    /// <summary>Of notification and data, keys and values.</summary>
    const int PayloadMax = 4096;

    public static FcmRequest Parse(ReadOnlySpan<byte> body)
    {
        var seen = new Reading();
        try
        {
            seen.Document(body);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: text that is not UTF-8
        {
            seen.Fault ??= new FcmFault("", $"Invalid JSON payload received. {e.Message}");
        }

        seen.Fault ??= seen.Targets != 1 ? new FcmFault("message", "Exactly one of token, topic or condition is required")
            : seen.PayloadBytes > PayloadMax ? new FcmFault("message", "Message is too big")
            : null;
        return new FcmRequest(seen.Token, seen.MessageId, seen.ValidateOnly, seen.Fault);
    }

    ref struct Reading
    {
        public byte[] Token = [];
        public string MessageId = "";
        public bool ValidateOnly;
        public int Targets;
        public int PayloadBytes;
        public FcmFault? Fault;

        public Reading()
        {
        }

        public void Document(ReadOnlySpan<byte> body)
        {
            var json = new Utf8JsonReader(body);
            Expect(ref json, JsonTokenType.StartObject, "");
            while (Next(ref json))
            {
                if (json.ValueTextEquals("message"u8))
                {
                    Expect(ref json, JsonTokenType.StartObject, "message");
                    Message(ref json);
                }
                else if (json.ValueTextEquals("validate_only"u8) || json.ValueTextEquals("validateOnly"u8))
                {
                    json.Read();
                    ValidateOnly = json.TokenType == JsonTokenType.True;
                }
                else
                {
                    Unknown(ref json, "");
                }
            }

            if (json.Read())
            {
                throw new JsonException("more after the object");
            }
        }

        void Message(ref Utf8JsonReader json)
        {
            while (Next(ref json))
            {
                if (json.ValueTextEquals("token"u8) || json.ValueTextEquals("topic"u8) || json.ValueTextEquals("condition"u8))
                {
                    var isToken = json.ValueTextEquals("token"u8);
                    Expect(ref json, JsonTokenType.String, "message.token");
                    Targets++;
                    Token = isToken && json.TokenType == JsonTokenType.String ? Encoding.UTF8.GetBytes(json.GetString()!) : Token;
                }
                else if (json.ValueTextEquals("data"u8))
                {
                    Expect(ref json, JsonTokenType.StartObject, "message.data");
                    Data(ref json);
                }
                else if (json.ValueTextEquals("notification"u8))
                {
                    json.Read();
                    var from = json.TokenStartIndex;
                    json.Skip();
                    PayloadBytes += (int)(json.BytesConsumed - from);
                }
                else if (json.ValueTextEquals("android"u8) || json.ValueTextEquals("apns"u8) || json.ValueTextEquals("webpush"u8)
                    || json.ValueTextEquals("fcm_options"u8) || json.ValueTextEquals("fcmOptions"u8) || json.ValueTextEquals("name"u8))
                {
                    json.Read();
                    json.Skip();
                }
                else
                {
                    Unknown(ref json, "message");
                }
            }
        }

        void Data(ref Utf8JsonReader json)
        {
            while (Next(ref json))
            {
                var name = json.GetString()!;
                if (name is "from" or "gcm" || name.StartsWith("google", StringComparison.Ordinal) || name.StartsWith("gcm.", StringComparison.Ordinal))
                {
                    Fault ??= new FcmFault($"message.data[\"{name}\"]", $"Invalid data payload key: {name}");
                }

                json.Read();
                if (json.TokenType != JsonTokenType.String)
                {
                    Fault ??= new FcmFault($"message.data[\"{name}\"]", $"Invalid value at 'message.data[\"{name}\"]' (TYPE_STRING)");
                    json.Skip();
                    continue;
                }

                PayloadBytes += name.Length + json.ValueSpan.Length;
                MessageId = name == "dispatch_message_id" ? json.GetString()! : MessageId;
            }
        }

        /// <summary>Moves to the next property name of this object; false: it has ended.</summary>
        static bool Next(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.PropertyName;

        void Unknown(ref Utf8JsonReader json, string at)
        {
            Fault ??= new FcmFault(at, $"Invalid JSON payload received. Unknown name \"{json.GetString()}\"{(at.Length > 0 ? $" at '{at}'" : "")}: Cannot find field.");
            json.Read();
            json.Skip();
        }

        static void Expect(ref Utf8JsonReader json, JsonTokenType type, string at)
        {
            json.Read();
            if (json.TokenType != type)
            {
                throw new JsonException($"wrong type at '{at}'");
            }
        }
    }
}

/// <summary>A google.rpc.BadRequest violation: the request's own fault, never the token's.</summary>
sealed record FcmFault(string Field, string Description);
