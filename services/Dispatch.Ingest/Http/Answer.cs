using System.Diagnostics.CodeAnalysis;
using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Dispatch.Ingest.Http;

static class Answer
{
    public const string Replayed = "Idempotent-Replayed";
    public const string CheckDeferred = "Idempotency-Check";
    private const int KeptBytesMax = 64 * 1_024;

    [ThreadStatic]
    private static Written? reused;

    /// <summary>Written whole before it is sent, so that it goes out with its length, in one piece.</summary>
    [SuppressMessage("Performance", "CA1849", Justification = "into memory")]
    public static Task JsonAsync<T>(HttpContext http, int status, T answer, JsonTypeInfo<T> type)
    {
        var written = reused ??= new Written();
        written.Buffer.ResetWrittenCount();
        written.Json.Reset(written.Buffer);
        JsonSerializer.Serialize(written.Json, answer, type);
        written.Json.Flush();
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = written.Buffer.WrittenCount;
        response.BodyWriter.Write(written.Buffer.WrittenSpan); // copied: the buffer is the thread's again before anything is awaited
        if (written.Buffer.Capacity > KeptBytesMax)
        {
            reused = null;
        }

        return response.BodyWriter.FlushAsync().AsTask();
    }

    public static async Task BytesAsync(HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        await http.Response.BodyWriter.WriteAsync(json);
    }

    private sealed class Written
    {
        public ArrayBufferWriter<byte> Buffer { get; } = new(1_024);

        public Utf8JsonWriter Json { get; } = new(Stream.Null);
    }
}
