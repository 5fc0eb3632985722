using System.Buffers;
using Dispatch.Ingest.Json;

namespace Dispatch.Ingest.Http;

/// <summary>The whole body of a call, in a pooled buffer.</summary>
sealed class Body : IDisposable
{
    private const int FirstBuffer = 4_096;

    /// <summary>Room is made as bytes come: what a caller announces costs them nothing.</summary>
    private const int FirstBufferMax = 64 * 1_024;
    private byte[] _buffer;
    private int _length;

    private Body(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <exception cref="RefusedException">Not JSON by its header, or larger than <paramref name="bytesMax"/>.</exception>
    public static async ValueTask<Body> ReadJsonAsync(HttpContext http, int bytesMax)
    {
        var request = http.Request;
        if (!IsJson(request.ContentType) || request.Headers.ContentEncoding.Count > 0)
        {
            throw new RefusedException(Problem.NotJson);
        }

        return await ReadAsync(http, bytesMax);
    }

    public static async ValueTask<Body> ReadAsync(HttpContext http, int bytesMax)
    {
        var announced = http.Request.ContentLength;
        if (announced > bytesMax)
        {
            throw TooLarge(bytesMax);
        }

        var body = new Body((int)Math.Clamp(announced ?? 0, FirstBuffer, FirstBufferMax));
        try
        {
            var reader = http.Request.BodyReader;
            while (true)
            {
                var read = await reader.ReadAsync(http.RequestAborted);
                body.Take(read.Buffer, bytesMax);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return body;
                }
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private void Take(in ReadOnlySequence<byte> more, int bytesMax)
    {
        var length = _length + more.Length;
        if (length > bytesMax)
        {
            throw TooLarge(bytesMax);
        }

        if (length > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent((int)Math.Max(length, Math.Min(_buffer.Length * 2L, bytesMax)));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        more.CopyTo(_buffer.AsSpan(_length));
        _length = (int)length;
    }

    private static RefusedException TooLarge(int bytesMax) => new(Problem.TooLarge($"The body has at most {bytesMax} bytes."));

    private static bool IsJson(string? contentType) =>
        contentType is "application/json"
        || (contentType is not null
            && contentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase)
            && (contentType.Length == "application/json".Length || contentType["application/json".Length] is ';' or ' '));
}

/// <summary>Ends a call with a problem from any depth; caught in one place, the gate.</summary>
sealed class RefusedException(Problem problem) : Exception(problem.Code)
{
    public Problem Problem => problem;

    public static RefusedException Of(Faults faults) => new(Problem.Invalid(faults.All));
}
