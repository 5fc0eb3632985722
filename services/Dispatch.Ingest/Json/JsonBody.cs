using System.Text.Json;
using System.Text.Unicode;
using Dispatch.Ingest.Http;

namespace Dispatch.Ingest.Json;

/// <summary>Bytes to a document, or the one fault that says why they are none.</summary>
static class JsonBody
{
    /// <summary>Deeper than anything that the API knows, variables included.</summary>
    public const int DepthMax = 32;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = DepthMax, AllowDuplicateProperties = false };
    private static readonly JsonDocumentOptions AnyDepth = new() { MaxDepth = 100_000, AllowDuplicateProperties = true };
    private static readonly JsonDocumentOptions AnyNames = new() { MaxDepth = DepthMax, AllowDuplicateProperties = true };

    /// <summary>A whole body of one shape.</summary>
    /// <param name="check">What depends on more than one field.</param>
    /// <exception cref="RefusedException">400, with all that is wrong.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> body, Shape<T> shape, T into, Action<T, Faults>? check = null)
        where T : class
    {
        var faults = new Faults();
        using var document = Parse(body, faults) ?? throw RefusedException.Of(faults);
        shape.Read(document.RootElement, into, faults);
        check?.Invoke(into, faults);
        return faults.Count == 0 ? into : throw RefusedException.Of(faults);
    }

    /// <returns>null when there is a fault.</returns>
    public static JsonDocument? Parse(ReadOnlyMemory<byte> body, Faults faults)
    {
        if (body.IsEmpty)
        {
            faults.Add("empty_body", "the body is empty");
            return null;
        }

        if (!Utf8.IsValid(body.Span))
        {
            faults.Add("invalid_utf8", "the body is not UTF-8");
            return null;
        }

        try
        {
            if (EscapeFault(body.Span) is { } message)
            {
                faults.Add("invalid_text", message);
                return null;
            }

            return JsonDocument.Parse(body, Strict);
        }
        catch (JsonException e)
        {
            var (code, message) = Explain(body, e);
            faults.Add(code, message);
            return null;
        }
    }

    /// <summary>Which of our two rules beyond JSON itself was broken, if one was: found by leaving them out.</summary>
    private static (string Code, string Message) Explain(ReadOnlyMemory<byte> body, JsonException fault)
    {
        if (Parses(body, AnyNames))
        {
            return ("duplicate_field", "an object has the same field twice");
        }

        return Parses(body, AnyDepth)
            ? ("too_deep", $"the body is nested deeper than {DepthMax}")
            : ("invalid_json", $"the body is not JSON: line {(fault.LineNumber ?? 0) + 1}, byte {(fault.BytePositionInLine ?? 0) + 1}");
    }

    private static bool Parses(ReadOnlyMemory<byte> body, JsonDocumentOptions options)
    {
        try
        {
            JsonDocument.Parse(body, options).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Escapes can spell what UTF-8 cannot: half a surrogate pair, and NUL, which no text of the store may hold.</summary>
    private static string? EscapeFault(ReadOnlySpan<byte> body)
    {
        if (body.IndexOf("\\u"u8) < 0)
        {
            return null;
        }

        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = DepthMax });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
            {
                continue;
            }

            try
            {
                if (reader.GetString()!.Contains('\0', StringComparison.Ordinal))
                {
                    return "a text holds the character NUL";
                }
            }
            catch (InvalidOperationException)
            {
                return "a text holds half a surrogate pair";
            }
        }

        return null;
    }
}
