using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Dispatch.Ingest.Http;

static class Answer
{
    public const string Replayed = "Idempotent-Replayed";
    public const string CheckDeferred = "Idempotency-Check";

    public static async Task JsonAsync<T>(HttpContext http, int status, T answer, JsonTypeInfo<T> type)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        var into = http.Response.BodyWriter;
        await using (var json = new Utf8JsonWriter(into))
        {
            JsonSerializer.Serialize(json, answer, type);
        }

        await into.FlushAsync();
    }

    public static async Task BytesAsync(HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.BodyWriter.WriteAsync(json);
    }
}
