using System.Globalization;
using System.Text;

namespace Dispatch.Bench.Load;

/// <summary>
/// The bytes of POSTs that differ in their numbers alone, for both sides alike: each has an idempotency key of its own, and each <see cref="Number"/> in the body is replaced by
/// one that no other place and no other POST has.
/// </summary>
sealed class Posts
{
    /// <summary>Stands in a body where a number of twelve digits is to be.</summary>
    public const string Number = "############";

    private readonly byte[] _request;
    private readonly int _keyAt;
    private readonly int[] _numbersAt;

    public Posts(string apiKey, string body)
    {
        var key = $"{Guid.NewGuid():N}-{Number}"; // nobody has used it before
        var head = $"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {apiKey}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n";
        var request = $"{head}Content-Length: {Encoding.ASCII.GetByteCount(body)}\r\n\r\n{body}";
        _request = Encoding.ASCII.GetBytes(request);
        _keyAt = head.Length - 2 - Number.Length;
        _numbersAt = [.. Places(request, head.Length)];
    }

    public ReadOnlyMemory<byte> Make(long number)
    {
        var request = _request.AsSpan().ToArray();
        Write(request, _keyAt, number);
        for (var i = 0; i < _numbersAt.Length; i++)
        {
            Write(request, _numbersAt[i], (number * _numbersAt.Length) + i);
        }

        return request;
    }

    private static IEnumerable<int> Places(string request, int from)
    {
        for (var at = from; (at = request.IndexOf(Number, at, StringComparison.Ordinal)) >= 0; at += Number.Length)
        {
            yield return at;
        }
    }

    private static void Write(byte[] request, int at, long number) =>
        number.TryFormat(request.AsSpan(at, Number.Length), out _, "D12", CultureInfo.InvariantCulture);
}
