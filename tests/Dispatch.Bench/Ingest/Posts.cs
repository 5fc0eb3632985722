using System.Globalization;
using System.Text;

namespace Dispatch.Bench.Ingest;

/// <summary>The bytes of single POSTs of 300 bytes, each with an idempotency key of its own, for both sides alike.</summary>
sealed class Posts
{
    private const int BodyBytes = 300;
    private const string Digits = "000000000000";
    private readonly byte[] _request;
    private readonly int _digitsAt;

    public Posts(string apiKey)
    {
        var key = $"{Guid.NewGuid():N}-{Digits}"; // nobody has used it before
        var head = $"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {apiKey}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n";
        _request = Encoding.ASCII.GetBytes($"{head}Content-Length: {BodyBytes}\r\n\r\n{Body()}");
        _digitsAt = head.Length - 2 - Digits.Length;
    }

    public ReadOnlyMemory<byte> Make(long number)
    {
        var request = _request.AsSpan().ToArray();
        number.TryFormat(request.AsSpan(_digitsAt, Digits.Length), out _, "D12", CultureInfo.InvariantCulture);
        return request;
    }

    private static string Body()
    {
        const string Before = """{"class":"transactional","recipients":[{"user_id":"u-17","email":"ada@example.org","variables":{"code":"4711"}}],"content":{"email":{"from":"Shop <no-reply@shop.example>","subject":"Your code","text":"Your code is {{code}}.""";
        const string After = "\"}}}";
        return Before + new string(' ', BodyBytes - Before.Length - After.Length) + After;
    }
}
