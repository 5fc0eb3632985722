using System.Security.Cryptography;
using System.Text;

namespace Dispatch.Ingest.Idempotency;

/// <summary>Which call a body came to: the same bytes posted elsewhere are another body.</summary>
enum CallKind : byte
{
    Message = 1,
    Batch = 2,
    Event = 3,
    Other = 4,
}

/// <summary>Keys and bodies as the store and the log know them: 16 bytes of SHA-256.</summary>
static class KeyHash
{
    public static Guid OfKey(string tenant, string key)
    {
        Span<byte> text = stackalloc byte[1_024];
        var length = Encoding.UTF8.GetBytes(tenant, text);
        text[length++] = 0;
        length += Encoding.UTF8.GetBytes(key, text[length..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..length], digest);
        return new Guid(digest[..16], bigEndian: true);
    }

    public static Guid OfBody(CallKind call, ReadOnlySpan<byte> body)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body, digest);
        digest[15] = (byte)call;
        return new Guid(digest[..16], bigEndian: true);
    }
}
