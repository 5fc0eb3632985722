using System.Security.Cryptography;
using System.Text;
using Dispatch.Contracts;

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
    /// <summary>Each kind of call has its own keys, and so has each public API key: it lies in apps, and must not occupy what a tenant's servers use.</summary>
    /// <param name="publicKey">The id of the API key, if it may do nothing but write events; otherwise the tenant's keys share their idempotency keys.</param>
    public static Guid OfKey(CallKind call, string tenant, string key, string publicKey = "")
    {
        Span<byte> text = stackalloc byte[2_048];
        text[0] = (byte)call;
        var length = 1 + Encoding.UTF8.GetBytes(tenant, text[1..]);
        text[length++] = 0;
        length += Encoding.UTF8.GetBytes(publicKey, text[length..]);
        text[length++] = 0;
        length += Encoding.UTF8.GetBytes(key, text[length..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Sha256.Hash(text[..length], digest);
        return new Guid(digest[..16], bigEndian: true);
    }

    public static Guid OfBody(CallKind call, ReadOnlySpan<byte> body)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Sha256.Hash(body, digest);
        digest[15] = (byte)call;
        return new Guid(digest[..16], bigEndian: true);
    }
}
