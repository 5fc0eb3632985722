using System.Text.Json;

namespace Dispatch.Sms.HttpSms;

/// <summary>What is of use in the gateway's JSON, of a message taken or refused.</summary>
/// <param name="Sid">The gateway's name for the message; empty: none.</param>
/// <param name="Code">Its own code of a refusal; 0: none.</param>
readonly record struct HttpSmsAnswer(string Sid, int Code, bool Failed)
{
    public const int BytesMax = 64 * 1024;

    private static readonly HttpSmsAnswer None = new("", 0, false);

    /// <summary>Anything that is not such a JSON says nothing: it comes from a proxy, or from nobody.</summary>
    public static HttpSmsAnswer Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new(Text(json.RootElement, "sid"), Number(json.RootElement, "code"), Text(json.RootElement, "status") == "failed")
                : None;
        }
        catch (JsonException)
        {
            return None;
        }
    }

    private static string Text(JsonElement of, string name) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : "";

    private static int Number(JsonElement of, string name) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var n) ? n : 0;
}
