using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dispatch.Push;

/// <summary>One JSON writer a thread: a payload is written in one go.</summary>
static class PushJson
{
    // A payload is JSON in a body of its own, never inside HTML: an é stays two bytes of the 4 096.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static Utf8JsonWriter? writer;

    public static Utf8JsonWriter To(IBufferWriter<byte> body)
    {
        if (writer is null)
        {
            return writer = new Utf8JsonWriter(body, Options);
        }

        writer.Reset(body);
        return writer;
    }
}
